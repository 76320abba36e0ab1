import { mergePhoneDetails, type PhoneCoexistence } from '../assets/phone-coexistence.ts';
import type { AssetDetails } from '../connection/asset-details.ts';
import type { AssetType } from '../credentials/credential-kind.ts';
import { PHONE_NUMBER_NOT_REGISTERED, type StatusReason } from '../status/status-reason.ts';

interface AssetKey {
  type: AssetType;
  id: string;
}

interface FoundAsset extends AssetKey {
  details?: AssetDetails;
  coexistence?: PhoneCoexistence;
}

/** Details carried over to assets that are found again. */
export type KeptDetails = ReadonlyMap<string, AssetDetails>;

const keyOf = ({ type, id }: AssetKey): string => `${type} ${id}`;

/** Carries details of removed assets over to those found now. `signedUpAt`: when the user logged in. */
export function keepDetails(
  found: readonly FoundAsset[],
  removed: readonly (AssetKey & { details: AssetDetails | null })[],
  signedUpAt: Date,
): KeptDetails {
  const known = new Map(removed.map((asset) => [keyOf(asset), asset.details]));
  return new Map(
    found.map((asset) => [keyOf(asset), mergePhoneDetails(known.get(keyOf(asset)), asset.coexistence, signedUpAt)]),
  );
}

/** Combines carried-over details with those found now. Null: none. */
export function withKeptDetails(asset: FoundAsset, kept: KeptDetails): AssetDetails | null {
  const all = { ...kept.get(keyOf(asset)), ...asset.details };
  return Object.keys(all).length === 0 ? null : all;
}

/**
 * Connecting again does not register a number whose registration failed, so that reason stays. Null: no such number.
 */
export function failedRegistrationReason(kept: KeptDetails): StatusReason | null {
  const registrations = [...kept.values()].flatMap(({ registration }) => registration ?? []);
  const failed = registrations.find(({ status }) => status === 'failed');
  if (failed === undefined) return null;
  const { at, detail = '', remedy = '', meta } = failed;
  const reason = { detail, remedy, ...(meta === undefined ? {} : { meta }), since_at: at };
  return { code: PHONE_NUMBER_NOT_REGISTERED, ...reason };
}
