import { addSeconds } from '../../platform/clock.ts';
import { DAY_SECONDS, HOUR_SECONDS } from '../../platform/duration.ts';

const INTERVAL_SECONDS = 7 * DAY_SECONDS;
const JITTER_SECONDS = DAY_SECONDS;
const RETRY_SECONDS = HOUR_SECONDS;

/** When to rediscover a connection's assets: in a week, plus or minus half a day. */
export function nextDiscoveryAt(now: Date, fraction: number): Date {
  return addSeconds(now, INTERVAL_SECONDS + (fraction - 0.5) * JITTER_SECONDS);
}

/** When to retry after Meta could not be asked: in one to two hours. */
export function discoveryRetryAt(now: Date, fraction: number): Date {
  return addSeconds(now, RETRY_SECONDS * (1 + fraction));
}
