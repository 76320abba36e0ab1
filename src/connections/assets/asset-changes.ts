import { isDeepStrictEqual } from 'node:util';
import type { GrantedAsset } from '../authorization/provisioning-input.ts';
import type { AssetDetails } from '../connection/asset-details.ts';
import type { CredentialId } from '../ids.ts';
import type { AssetValues } from './asset.repository.ts';
import { mergePhoneDetails } from './phone-coexistence.ts';

/** What an asset's absence means. */
export interface AssetCoverage {
  /** Every list was read to its end, so what none of them names is gone. */
  isComplete: boolean;
  /** Ids named by any list or granular scope, whether Meta showed the asset or not. */
  namedIds: ReadonlySet<string>;
}

export interface AssetChanges {
  added: AssetValues[];
  changed: AssetValues[];
  removed: AssetValues[];
}

/** Which credentials reach assets. */
export interface CredentialSources {
  rootId: CredentialId;
  /** Working Page credentials by Page id: existing ones and those just granted. */
  byPage: ReadonlyMap<string, CredentialId>;
}

/**
 * Computes what a rediscovery changes. An asset counts as gone only if every list was read to its end and none names
 * it. Children of an asset that could not be read stay.
 */
export function diffAssets(
  known: readonly AssetValues[],
  found: readonly GrantedAsset[],
  coverage: AssetCoverage | null,
  sources: CredentialSources,
  now: Date,
): AssetChanges {
  const knownByKey = new Map(known.map((asset) => [keyOf(asset), asset]));
  const changes: AssetChanges = { added: [], changed: [], removed: [] };
  const foundIds = new Set<string>();
  for (const asset of found) {
    foundIds.add(asset.id);
    const before = knownByKey.get(keyOf(asset));
    knownByKey.delete(keyOf(asset));
    const after = valuesOf(asset, before ?? null, sources, now);
    if (before === undefined) changes.added.push(after);
    else if (!isDeepStrictEqual(before, after)) changes.changed.push(after);
  }
  for (const asset of knownByKey.values()) {
    if (coverage?.isComplete === true && isGone(asset, coverage, foundIds)) changes.removed.push(asset);
  }
  return changes;
}

function isGone({ id, parentId }: AssetValues, { namedIds }: AssetCoverage, foundIds: ReadonlySet<string>): boolean {
  if (namedIds.has(id)) return false;
  return parentId === null || !namedIds.has(parentId) || foundIds.has(parentId);
}

function valuesOf(asset: GrantedAsset, before: AssetValues | null, sources: CredentialSources, now: Date): AssetValues {
  const { type, id, parentId } = asset;
  const credentialId = credentialOf(asset, sources);
  const details = detailsOf(asset, before?.details ?? null, credentialId !== null, now);
  return { type, id, name: asset.name ?? before?.name ?? null, credentialId, parentId, details };
}

/**
 * A Page that no longer yields a token stays usable while its earlier token works, and so do the assets linked to it.
 */
function credentialOf(
  { type, id, parentId, pageId, isUsable }: GrantedAsset,
  { rootId, byPage }: CredentialSources,
): CredentialId | null {
  if (pageId !== null) return byPage.get(pageId) ?? null;
  if (isUsable !== false) return rootId;
  return byPage.get(type === 'page' ? id : (parentId ?? '')) ?? null;
}

/** Keeps what else is known of an asset. Use in the WhatsApp Business app follows Meta's answer. */
function detailsOf(
  { details, coexistence }: GrantedAsset,
  before: AssetDetails | null,
  isUsable: boolean,
  now: Date,
): AssetDetails | null {
  const { tasks: _, registration: __, synchronization: ___, ...kept } = before ?? {};
  const { tasks, ...fresh } = details ?? {};
  const all = {
    ...kept,
    ...mergePhoneDetails(before, coexistence, now),
    ...fresh,
    ...(isUsable || tasks === undefined ? {} : { tasks }),
  };
  return Object.keys(all).length === 0 ? null : all;
}

function keyOf({ type, id }: Pick<AssetValues, 'type' | 'id'>): string {
  return `${type} ${id}`;
}
