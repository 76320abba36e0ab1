import { isDeepStrictEqual } from 'node:util';
import type { GrantedAsset } from '../authorization/connection-provisioner.ts';
import type { AssetDetails } from '../connection/asset-details.ts';
import type { CredentialId } from '../ids.ts';
import type { AssetValues } from './asset.repository.ts';
import { mergePhoneDetails } from './phone-coexistence.ts';

/** What the absence of an asset means. */
export interface AssetCoverage {
  /** Every list was read to its end: what is named nowhere is gone. */
  isComplete: boolean;
  /** What any list or granular scope names, whether Meta showed it or not. */
  namedIds: ReadonlySet<string>;
}

export interface AssetChanges {
  added: AssetValues[];
  changed: AssetValues[];
  removed: AssetValues[];
}

/** Where the credentials of assets come from. */
export interface CredentialSources {
  rootId: CredentialId;
  /** The credentials of Pages that work, by the id of the Page: those that were there, and those that were granted now. */
  byPage: ReadonlyMap<string, CredentialId>;
}

/**
 * What a second look changes. Only what no source names is gone, and only where every list was read to its end; what lies below something
 * that could not be read stays with it.
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

/** A Page that gives no token any more stays usable while the one that it gave works, and so does what it links. */
function credentialOf(
  { type, id, parentId, pageId, isUsable }: GrantedAsset,
  { rootId, byPage }: CredentialSources,
): CredentialId | null {
  if (pageId !== null) return byPage.get(pageId) ?? null;
  if (isUsable !== false) return rootId;
  return byPage.get(type === 'page' ? id : (parentId ?? '')) ?? null;
}

/** What was found out of an asset besides stays with it; whether a number is in use in the WhatsApp Business app follows Meta. */
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
