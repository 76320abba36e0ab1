import type { SignedRequest } from '../../meta/webhooks/signed-request.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';

/** Meta's clock and ours. */
const CLOCK_SKEW_SECONDS = 300;

/**
 * Why a signed_request with a right signature is refused as a callback; null: it is taken. Logins in a browser get signed requests under the same
 * secret, which hold a code. Without a time of issue its age can't be judged: it only triggers an inspection.
 */
export function whyNoCallback({ payload, issuedAt }: SignedRequest, now: Date): string | null {
  if (Object.hasOwn(payload, 'code')) return 'holds a code: it belongs to a login and is no callback';
  if (issuedAt === null) return null;
  const ageSeconds = (now.getTime() - issuedAt.getTime()) / 1000;
  if (ageSeconds > DAY_SECONDS + CLOCK_SKEW_SECONDS) return 'was issued more than a day ago';
  if (ageSeconds < -CLOCK_SKEW_SECONDS) return 'is issued in the future';
  return null;
}
