import type { AssetDetails } from '../connection/asset-details.ts';
import type { AssetType } from '../credentials/credential-kind.ts';
import { mergePhoneDetails, type PhoneCoexistence } from './phone-coexistence.ts';

/** What stays with an asset that is found again, by its key. */
export type KeptDetails = ReadonlyMap<string, AssetDetails>;

interface FoundAsset {
  type: AssetType;
  id: string;
  details?: AssetDetails;
  coexistence?: PhoneCoexistence;
}

export function assetKey({ type, id }: Pick<FoundAsset, 'type' | 'id'>): string {
  return `${type} ${id}`;
}

/** What stays of what was known, for the assets that are granted now. */
export function keepDetails(
  assets: readonly FoundAsset[],
  removed: readonly { type: AssetType; id: string; details: AssetDetails | null }[],
  signedUpAt: Date,
): KeptDetails {
  const known = new Map(removed.map((asset) => [assetKey(asset), asset.details]));
  return new Map(
    assets.map((asset) => {
      const key = assetKey(asset);
      return [key, mergePhoneDetails(known.get(key), asset.coexistence, signedUpAt)];
    }),
  );
}

/** Null where there is nothing to say. */
export function mergeDetails(asset: FoundAsset, kept: KeptDetails): AssetDetails | null {
  const all = { ...kept.get(assetKey(asset)), ...asset.details };
  return Object.keys(all).length === 0 ? null : all;
}
