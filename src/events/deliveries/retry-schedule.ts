import { DAY_SECONDS } from '../../platform/duration.ts';
/** How long a delivery is repeated, from the moment it was made or replayed. */
export const RETRY_WINDOW_SECONDS = 3 * DAY_SECONDS;

const FIRST_DELAYS = { shortest: 1, longest: 3.5 } as const;
const BASE_SECONDS = 5;
const MAX_DELAY_SECONDS = 6 * 3600;
/** What a subscriber may ask for at the most. */
const MAX_RETRY_AFTER_SECONDS = DAY_SECONDS;

/**
 * Seconds until the next attempt after `failures` failed ones. The first repeat comes within 5 seconds (the look for due deliveries
 * included), then 10, 20, 40 … up to 6 hours, half of each by chance, so that what failed together does not return together.
 */
export function retryDelaySeconds(failures: number, fraction: number): number {
  if (failures <= 1) return FIRST_DELAYS.shortest + fraction * (FIRST_DELAYS.longest - FIRST_DELAYS.shortest);
  const longest = Math.min(MAX_DELAY_SECONDS, BASE_SECONDS * 2 ** (failures - 1));
  return longest / 2 + (fraction * longest) / 2;
}

/** Seconds that a `Retry-After` header asks for (RFC 9110, 10.2.3: seconds or a date). Null: nothing that can be read. */
export function retryAfterSeconds(header: string | undefined, now: Date): number | null {
  if (header === undefined) return null;
  const text = header.trim();
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : (Date.parse(text) - now.getTime()) / 1000;
  return Number.isNaN(seconds) ? null : Math.min(MAX_RETRY_AFTER_SECONDS, Math.max(0, seconds));
}
