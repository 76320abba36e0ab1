import { addSeconds, fromUnixSeconds } from '../../platform/clock.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';
import { type Json, type JsonObject, readNumber } from '../graph/lossless-json.ts';

/** Null: never. `unknown`: Meta did not say; ask debug_token. */
export type TokenExpiry = Date | null | 'unknown';

/** 100 years. Anything longer is not a lifetime. */
const MAX_LIFETIME_SECONDS = 100 * 365 * DAY_SECONDS;

/**
 * Reads a token response's expiry (docs/meta-facts.md#long-lived-user-tokens): `expires_at` in unix seconds (0 =
 * never), else `expires_in` or the old `expires` in seconds from now. Numbers may be strings. Missing or 0 seconds is
 * `unknown`.
 */
export function readTokenExpiry(response: JsonObject, now: Date): TokenExpiry {
  const at = readExpiry(response['expires_at']);
  if (at !== 'unknown') return at;
  const seconds = readNumber(response, 'expires_in') ?? readNumber(response, 'expires');
  if (seconds === null || seconds <= 0 || seconds > MAX_LIFETIME_SECONDS) return 'unknown';
  return addSeconds(now, seconds);
}

/** Reads an instant of debug_token: unix seconds, 0 = never (docs/meta-facts.md#token-inspection). */
export function readExpiry(value: Json | undefined): TokenExpiry {
  const seconds = readNumber({ value: value ?? null }, 'value');
  if (seconds === null || seconds < 0) return 'unknown';
  const instant = fromUnixSeconds(seconds);
  return instant !== null && Number.isNaN(instant.getTime()) ? 'unknown' : instant;
}
