import type { AssetDetails } from '../connection/asset-details.ts';
import { startSynchronization } from './phone-synchronization.ts';

/** What an authorization says of a number's use in the WhatsApp Business app. */
export interface PhoneCoexistence {
  isOnBusinessApp: boolean;
  /**
   * Where its clock begins. `confirmed`: the signup has just onboarded it from the app, once more where it was known; `assumed`: a user has
   * just logged in, which began a number's use here only where it is new; `unknown`: somebody handed a token in.
   */
  signup: 'confirmed' | 'assumed' | 'unknown';
}

export function isCoexistence(details: AssetDetails | null | undefined): boolean {
  return details?.registration?.status === 'coexistence';
}

/**
 * What a number that is found again has: what was known stays, and `coexistence` follows what is said of it now (undefined: nothing).
 * Nothing but Meta's word that the app no longer uses the number takes `coexistence` back.
 */
export function mergePhoneDetails(
  known: AssetDetails | null | undefined,
  coexistence: PhoneCoexistence | undefined,
  signedUpAt: Date,
): AssetDetails {
  const { registration, synchronization } = known ?? {};
  const was = isCoexistence(known);
  if (coexistence === undefined || (!coexistence.isOnBusinessApp && !was)) {
    return { ...(registration && { registration }), ...(synchronization && { synchronization }) };
  }
  if (!coexistence.isOnBusinessApp) return {};
  const { signup } = coexistence;
  const isKept = was && signup !== 'confirmed';
  return {
    registration:
      was && registration !== undefined ? registration : { status: 'coexistence', at: signedUpAt.toISOString() },
    synchronization:
      isKept && synchronization !== undefined
        ? synchronization
        : startSynchronization(signup === 'unknown' ? null : signedUpAt),
  };
}
