import type { AssetDetails } from '../connection/asset-details.ts';
import { startSynchronization } from './phone-synchronization.ts';

/** What an authorization says about a number's use in the WhatsApp Business app. */
export interface PhoneCoexistence {
  isOnBusinessApp: boolean;
  /**
   * When the synchronization window starts. `confirmed`: the signup just onboarded the number from the app, even if it
   * was known before. `assumed`: a user just logged in, which starts a window only for a new number. `unknown`: a
   * client supplied a token.
   */
  signup: 'confirmed' | 'assumed' | 'unknown';
}

export function isCoexistence(details: AssetDetails | null | undefined): boolean {
  return details?.registration?.status === 'coexistence';
}

/**
 * Details of a number that is found again: known ones stay, and `coexistence` follows the current authorization
 * (undefined: it says nothing). Only Meta's statement that the app no longer uses the number ends `coexistence`.
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
