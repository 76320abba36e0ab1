import type { SignedRequest } from '../../meta/webhooks/signed-request.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';

/** Allowed clock difference from Meta. */
const CLOCK_SKEW_SECONDS = 300;

/**
 * Why a correctly signed signed_request is refused as a callback; null: accepted. Browser logins get requests signed
 * with the same secret, which contain a code. Without `issued_at` the age is unknown: it then leads only to an
 * inspection.
 */
export function whyNoCallback({ payload, issuedAt }: SignedRequest, now: Date): string | null {
  if (Object.hasOwn(payload, 'code')) return 'contains a code, so it is from a login, not a callback';
  if (issuedAt === null) return null;
  const ageSeconds = (now.getTime() - issuedAt.getTime()) / 1000;
  if (ageSeconds > DAY_SECONDS + CLOCK_SKEW_SECONDS) return 'was issued more than a day ago';
  if (ageSeconds < -CLOCK_SKEW_SECONDS) return 'was issued in the future';
  return null;
}
