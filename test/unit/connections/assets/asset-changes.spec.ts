import type { AssetValues } from '../../../../src/connections/assets/asset.repository.ts';
import { diffAssets as diffAssetsAt } from '../../../../src/connections/assets/asset-changes.ts';
import type { GrantedAsset } from '../../../../src/connections/authorization/provisioning-input.ts';

const NOW = new Date('2026-11-28T12:00:00Z');
type Sources = Parameters<typeof diffAssetsAt>[3];
const diffAssets = (
  known: AssetValues[],
  found: GrantedAsset[],
  coverage: Parameters<typeof diffAssetsAt>[2],
  of: Sources,
) => diffAssetsAt(known, found, coverage, of, NOW);

const ROOT = 'crd_root';
const sources = (byPage: Record<string, `crd_${string}`> = {}) =>
  ({ rootId: ROOT, byPage: new Map(Object.entries(byPage)) }) as const;
const complete = (...named: string[]) => ({ isComplete: true, namedIds: new Set(named) });

const known = (id: string, more: Partial<AssetValues> = {}): AssetValues => {
  return { type: 'page', id, name: `Page ${id}`, credentialId: `crd_${id}`, parentId: null, details: null, ...more };
};
const found = (id: string, more: Partial<GrantedAsset> = {}): GrantedAsset => {
  return { type: 'page', id, name: `Page ${id}`, parentId: null, pageId: id, ...more };
};
const bare = (id: string): GrantedAsset => found(id, { pageId: null, isUsable: false, details: { tasks: [] } });
const nothing = { added: [], changed: [], removed: [] };

it('changes nothing if everything is as before', () => {
  expect(diffAssets([known('1')], [found('1')], complete('1'), sources({ '1': 'crd_1' }))).toEqual(nothing);
});

it('adds new assets with their own credentials, and removes those named nowhere', () => {
  const changes = diffAssets(
    [known('1'), known('2')],
    [found('1'), found('3')],
    complete(),
    sources({ '1': 'crd_1', '3': 'crd_3' }),
  );
  expect(changes).toEqual({ added: [known('3')], changed: [], removed: [known('2')] });
});

it('removes nothing after an incomplete rediscovery, nor named assets that were not shown, nor their children', () => {
  const below = known('178', { type: 'instagram_account', parentId: '2' });
  const all = [known('1'), known('2'), below];
  for (const coverage of [null, { isComplete: false, namedIds: new Set<string>() }, complete('1', '2')])
    expect(diffAssets(all, [], coverage, sources())).toEqual(nothing);
  expect(diffAssets([below], [], complete(), sources()).removed).toEqual([below]);
  const unlinked = diffAssets([known('2'), below], [found('2')], complete('2'), sources({ '2': 'crd_2' }));
  expect(unlinked.removed).toEqual([below]);
});

it('makes assets with a token usable, and those without a working one unusable', () => {
  const before = known('1', { credentialId: null, details: { tasks: [] } });
  expect(diffAssets([before], [found('1')], complete('1'), sources({ '1': 'crd_1' })).changed).toEqual([known('1')]);
  expect(diffAssets([known('1')], [bare('1')], complete('1'), sources()).changed).toEqual([before]);
});

it('keeps a Page without a new token usable while its earlier one works, with the assets linked to it', () => {
  const account = known('178', { type: 'instagram_account', parentId: '1', credentialId: 'crd_1' });
  const linked = found('178', { type: 'instagram_account', parentId: '1', pageId: null, isUsable: false });
  const byPage = sources({ '1': 'crd_1' });
  const changes = diffAssets(
    [known('1'), account],
    [bare('1'), { ...linked, name: 'Page 178' }],
    complete('1'),
    byPage,
  );
  expect(changes).toEqual(nothing);
});

it('updates names, and keeps those not reported and other known details', () => {
  const registration = { status: 'registered', at: '2026-01-01' } as const;
  const number = known('5', { type: 'phone_number', credentialId: ROOT, details: { registration } });
  const again = found('5', { type: 'phone_number', name: 'new', pageId: null });
  expect(diffAssets([number], [again], null, sources()).changed).toEqual([{ ...number, name: 'new' }]);
  expect(diffAssets([number], [{ ...again, name: null }], null, sources())).toEqual(nothing);
});
