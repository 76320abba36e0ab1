import { addSeconds } from '../../platform/clock.ts';
import { HOUR_SECONDS } from '../../platform/duration.ts';

/**
 * How soon a kind of failure is worth another try: `soon` passing faults, `later` what a user or Meta has to fix. `outage`: Meta is down for
 * all, so the breaker decides when; the delay only spreads the probes, and must not put the most urgent last when Meta is back.
 */
export type RetryClass = 'soon' | 'later' | 'outage';

const BASE_DELAY_SECONDS: Readonly<Record<RetryClass, number>> = { soon: 30, later: 15 * 60, outage: 60 };
const MAX_DELAY_SECONDS_BY_CLASS: Readonly<Record<RetryClass, number>> = {
  soon: HOUR_SECONDS,
  later: 6 * HOUR_SECONDS,
  outage: 10 * 60,
};
const MIN_DELAY_SECONDS = 5;
/** Of the time that is left, so that several tries always fit in before the end. */
const MAX_SHARE_OF_LIFE = 1 / 8;

interface AttemptFacts {
  now: Date;
  /** Failures in a row, this one included: 1 and up. */
  attempts: number;
  retryClass: RetryClass;
  /** The end of the token; null: none, or not known. */
  expiresAt: Date | null;
  /** What Meta asked us to wait, at the least. */
  retryAfterSeconds: number | null;
  /** In [0, 1). */
  fraction: number;
}

/**
 * Exponential back-off with full jitter (the delay is anything between nothing and the ceiling of its step), under a ceiling that shrinks
 * with the life that is left: eight tries' worth of time is there before the end. A time that Meta named is kept in any case.
 */
export function nextAttemptAt(facts: AttemptFacts): Date {
  const step = BASE_DELAY_SECONDS[facts.retryClass] * 2 ** Math.min(facts.attempts - 1, 16);
  const left =
    facts.expiresAt === null ? Number.POSITIVE_INFINITY : (facts.expiresAt.getTime() - facts.now.getTime()) / 1000;
  // Past its expiry a token is tried at the usual interval until Meta confirms that it is dead.
  const ceiling = Math.min(
    step,
    MAX_DELAY_SECONDS_BY_CLASS[facts.retryClass],
    left > 0 ? left * MAX_SHARE_OF_LIFE : Number.POSITIVE_INFINITY,
  );
  const delay = Math.max(MIN_DELAY_SECONDS, facts.fraction * ceiling, facts.retryAfterSeconds ?? 0);
  return addSeconds(facts.now, delay);
}
