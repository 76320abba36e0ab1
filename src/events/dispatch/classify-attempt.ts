import { addSeconds } from '../../platform/clock.ts';
import { retryDelaySeconds } from '../deliveries/retry-schedule.ts';
import type { Attempt } from '../subscribers/attempt.ts';

/** What the attempt means for the delivery. */
export type AttemptVerdict =
  | { kind: 'delivered' }
  /** `shouldDelaySubscription`: the subscriber asked to delay all of its deliveries. */
  | { kind: 'retry'; retryAt: Date; shouldDelaySubscription: boolean }
  /** The retry window is over, or the event must never be sent: a dead letter. */
  | { kind: 'dead' }
  /** 410: the subscriber no longer accepts events. */
  | { kind: 'gone' };

/**
 * Applies the rules of Standard Webhooks to one attempt. `failures`: earlier failed attempts. `fraction` in [0, 1):
 * jitter.
 */
export function classifyAttempt(
  attempt: Attempt,
  of: { failures: number; retryUntil: Date },
  now: Date,
  fraction: number,
): AttemptVerdict {
  if (attempt.error === null) return { kind: 'delivered' };
  if (attempt.status === 410) return { kind: 'gone' };
  if (attempt.error === 'not_subscribed' || now >= of.retryUntil) return { kind: 'dead' };
  const delaySeconds = retryDelaySeconds(of.failures + 1, fraction);
  const requestedSeconds = attempt.retryAfterSeconds;
  return {
    kind: 'retry',
    retryAt: addSeconds(now, Math.max(delaySeconds, requestedSeconds ?? 0)),
    shouldDelaySubscription: requestedSeconds !== null,
  };
}
