import type { SignedRequest } from '../../meta/webhooks/signed-request.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';

/** Meta's clock and ours. */
const CLOCK_SKEW_SECONDS = 300;

/**
 * Why a signed_request is no callback of today, though its signature is right; null: it is one. What a login gave a browser is signed by the same
 * secret, and holds a code. One that does not say when it was issued is believed nothing that a later login contradicts.
 */
export function whyNoCallback({ payload, issuedAt }: SignedRequest, now: Date): string | null {
  if (Object.hasOwn(payload, 'code')) return 'holds a code: it belongs to a login and is no callback';
  if (issuedAt === null) return null;
  const ageSeconds = (now.getTime() - issuedAt.getTime()) / 1000;
  if (ageSeconds > DAY_SECONDS + CLOCK_SKEW_SECONDS) return 'was issued more than a day ago';
  if (ageSeconds < -CLOCK_SKEW_SECONDS) return 'is issued in the future';
  return null;
}
