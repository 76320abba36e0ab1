import { DAY_SECONDS } from '../../platform/duration.ts';
/** How long a delivery is retried after it is created or replayed. */
export const RETRY_WINDOW_SECONDS = 3 * DAY_SECONDS;

const FIRST_DELAYS = { shortest: 1, longest: 3.5 } as const;
const BASE_SECONDS = 5;
const MAX_DELAY_SECONDS = 6 * 3600;

/**
 * Seconds until the next attempt after `failures` failures. The first retry comes within 5 seconds (including the poll
 * for due deliveries), then after 10, 20, 40 … seconds up to 6 hours, half of it jitter, so that deliveries that failed
 * together are not retried together.
 */
export function retryDelaySeconds(failures: number, fraction: number): number {
  if (failures <= 1) return FIRST_DELAYS.shortest + fraction * (FIRST_DELAYS.longest - FIRST_DELAYS.shortest);
  const longest = Math.min(MAX_DELAY_SECONDS, BASE_SECONDS * 2 ** (failures - 1));
  return longest / 2 + (fraction * longest) / 2;
}
