import { addSeconds } from '../../platform/clock.ts';
import { HOUR_SECONDS } from '../../platform/duration.ts';

/**
 * When to retry: `soon` after temporary errors, `later` if a user or Meta must fix something. `outage`: the circuit
 * breaker decides; the delay only spreads the probes, and stays short so that urgent tokens don't come last once Meta
 * is back.
 */
export type RetryClass = 'soon' | 'later' | 'outage';

const BASE_DELAY_SECONDS: Readonly<Record<RetryClass, number>> = { soon: 30, later: 15 * 60, outage: 60 };
const MAX_DELAY_SECONDS_BY_CLASS: Readonly<Record<RetryClass, number>> = {
  soon: HOUR_SECONDS,
  later: 6 * HOUR_SECONDS,
  outage: 10 * 60,
};
const MIN_DELAY_SECONDS = 5;
/** Maximum delay as a share of the time left, so that several attempts fit before expiry. */
const MAX_SHARE_OF_LIFE = 1 / 8;

interface AttemptFacts {
  now: Date;
  /** Consecutive failures, including this one. */
  attempts: number;
  retryClass: RetryClass;
  /** Null: never or unknown. */
  expiresAt: Date | null;
  /** Minimum wait that Meta asked for. */
  retryAfterSeconds: number | null;
  /** In [0, 1). */
  fraction: number;
}

/**
 * Exponential back-off with full jitter: a random delay up to the ceiling of the step, but at most an eighth of the
 * token's remaining life. Never less than Meta asked for.
 */
export function nextAttemptAt(facts: AttemptFacts): Date {
  const step = BASE_DELAY_SECONDS[facts.retryClass] * 2 ** Math.min(facts.attempts - 1, 16);
  const left =
    facts.expiresAt === null ? Number.POSITIVE_INFINITY : (facts.expiresAt.getTime() - facts.now.getTime()) / 1000;
  // After expiry, retry at the usual interval until Meta confirms that the token is dead.
  const ceiling = Math.min(
    step,
    MAX_DELAY_SECONDS_BY_CLASS[facts.retryClass],
    left > 0 ? left * MAX_SHARE_OF_LIFE : Number.POSITIVE_INFINITY,
  );
  const delay = Math.max(MIN_DELAY_SECONDS, facts.fraction * ceiling, facts.retryAfterSeconds ?? 0);
  return addSeconds(facts.now, delay);
}
