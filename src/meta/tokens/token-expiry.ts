import { addSeconds, fromUnixSeconds } from '../../platform/clock.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';
import { type Json, type JsonObject, readNumber } from '../graph/lossless-json.ts';

/** Null: never. `unknown`: Meta did not say, ask debug_token. */
export type TokenExpiry = Date | null | 'unknown';

/** A hundred years: anything longer is not a lifetime. */
const MAX_LIFETIME_SECONDS = 100 * 365 * DAY_SECONDS;

/**
 * The expiry of a token from a token response (META.md 2, 3, 6): `expires_at` in unix seconds (0 = never), else `expires_in`,
 * else the old `expires`, both in seconds from now. Numbers may be strings. Missing is not an error and not 0 seconds,
 * and 0 seconds never stands for a dead token: both are `unknown`.
 */
export function readTokenExpiry(response: JsonObject, now: Date): TokenExpiry {
  const at = readExpiry(response['expires_at']);
  if (at !== 'unknown') return at;
  const seconds = readNumber(response, 'expires_in') ?? readNumber(response, 'expires');
  if (seconds === null || seconds <= 0 || seconds > MAX_LIFETIME_SECONDS) return 'unknown';
  return addSeconds(now, seconds);
}

/** An instant as debug_token writes it: unix seconds, 0 = never (META.md 4). */
export function readExpiry(value: Json | undefined): TokenExpiry {
  const seconds = readNumber({ value: value ?? null }, 'value');
  if (seconds === null || seconds < 0) return 'unknown';
  const instant = fromUnixSeconds(seconds);
  return instant !== null && Number.isNaN(instant.getTime()) ? 'unknown' : instant;
}
