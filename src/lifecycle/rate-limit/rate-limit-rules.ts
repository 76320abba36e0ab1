import type { ThrottleScope } from '../../meta/errors/classify-error.ts';
import { addSeconds } from '../../platform/clock.ts';
import { DAY_SECONDS, HOUR_SECONDS } from '../../platform/duration.ts';

/** Rate-limit state of an app for background work, shared by all replicas. Does not include limits of objects. */
export interface AppRateLimitState {
  /** Highest gauge in the latest response that had any, in percent; may exceed 100. */
  usagePercent: number;
  usageAt: Date | null;
  /** Latest time any limit of the app ends. */
  stoppedUntil: Date | null;
  stopCause: 'throttled' | 'usage' | null;
  /** When the first of consecutive stops began. */
  stoppedSince: Date | null;
  /** Consecutive throttles. */
  throttles: number;
  breaker: 'closed' | 'open';
  /** While open: earliest time of a probe. */
  breakerUntil: Date | null;
  /** Consecutive openings. */
  openings: number;
}

export const UNKNOWN_RATE_LIMIT: AppRateLimitState = Object.freeze({
  usagePercent: 0,
  usageAt: null,
  stoppedUntil: null,
  stopCause: null,
  stoppedSince: null,
  throttles: 0,
  breaker: 'closed',
  breakerUntil: null,
  openings: 0,
});

export type Allowance =
  | { kind: 'go'; concurrency: number }
  | { kind: 'stop'; cause: 'throttled' | 'usage' | 'unavailable'; until: Date }
  /** One call may probe whether Meta is still down. */
  | { kind: 'probe' };

/** Full speed below this; from here, concurrency falls to one call at the stop. */
const SLOW_FROM_PERCENT = 75;
const STOP_FROM_PERCENT = 95;
const USAGE_STOP_SECONDS = 60;
/** Gauges cover a rolling hour; older readings than this are ignored. */
const USAGE_TTL_SECONDS = 300;

/** Interval of probes over all replicas, and before the first one of a stop. */
export const PROBE_INTERVAL_SECONDS = 60;
/** Interval after a refused probe. */
export const REFUSED_PROBE_INTERVAL_SECONDS = 10 * 60;
/** After this, work no longer waits for a stop to end. */
const LONG_STOP_SECONDS = HOUR_SECONDS;
/** A token that outlives the stop by this much is refreshed after it. */
const MIN_LIFE_AFTER_STOP_SECONDS = 15 * 60;
/** Stops with a shorter break between them count as one, because hardly any sweep runs in the break. */
export const BREAK_SECONDS = 5 * 60;

export function allowanceOf(state: AppRateLimitState, now: Date, maxConcurrency: number): Allowance {
  if (state.breaker === 'open') {
    if (state.breakerUntil !== null && state.breakerUntil > now)
      return { kind: 'stop', cause: 'unavailable', until: state.breakerUntil };
    return { kind: 'probe' };
  }
  if (!isStopped(state, now)) return { kind: 'go', concurrency: concurrencyAt(state, now, maxConcurrency) };
  return { kind: 'stop', cause: state.stopCause ?? 'throttled', until: state.stoppedUntil ?? now };
}

/**
 * Returns before when a token must expire to be refreshed during a rate-limit stop, a few per probe; null for none.
 * Refused calls prolong the block (docs/meta-facts.md#rate-limits), so in the first hour only tokens that would not
 * outlive it are refreshed; after that, those that expire within `nearEndSeconds`.
 */
export function limitProbeCutoff(state: AppRateLimitState, now: Date, nearEndSeconds: number): Date | null {
  if (allowanceOf(state, now, 1).kind !== 'stop' || state.breaker === 'open' || state.stoppedUntil === null)
    return null;
  const lasted = stoppedSeconds(state, now);
  if (lasted < PROBE_INTERVAL_SECONDS) return null;
  const cannotWait = addSeconds(state.stoppedUntil, MIN_LIFE_AFTER_STOP_SECONDS);
  const nearEnd = addSeconds(now, lasted < LONG_STOP_SECONDS ? 0 : nearEndSeconds);
  return cannotWait > nearEnd ? cannotWait : nearEnd;
}

function isStopped(state: AppRateLimitState, now: Date): boolean {
  return state.stoppedUntil !== null && state.stoppedUntil > now;
}

/** Whether the last stop ended so long ago that another would not continue it. */
export function isLimitOver({ stoppedUntil }: AppRateLimitState, now: Date): boolean {
  return stoppedUntil === null || addSeconds(stoppedUntil, BREAK_SECONDS) <= now;
}

function stoppedSeconds({ stoppedSince }: AppRateLimitState, now: Date): number {
  return stoppedSince === null ? 0 : (now.getTime() - stoppedSince.getTime()) / 1000;
}

function concurrencyAt({ usagePercent, usageAt }: AppRateLimitState, now: Date, maxConcurrency: number): number {
  const fresh = usageAt !== null && addSeconds(usageAt, USAGE_TTL_SECONDS) > now;
  if (!fresh || usagePercent <= SLOW_FROM_PERCENT) return maxConcurrency;
  const headroomShare = Math.max(0, (STOP_FROM_PERCENT - usagePercent) / (STOP_FROM_PERCENT - SLOW_FROM_PERCENT));
  return Math.max(1, Math.floor(maxConcurrency * headroomShare));
}

const APP_WAIT_SECONDS = 60;
const MAX_APP_WAIT_SECONDS = 15 * 60;
const MAX_APP_STOP_SECONDS = DAY_SECONDS;
const OBJECT_WAIT_SECONDS = 60;
/** Maximum wait for an object, because Meta's estimate may be wrong. */
const MAX_OBJECT_STOP_SECONDS = HOUR_SECONDS;

/** A stop of background work by the app's own limit. */
interface ReportedStop {
  seconds: number;
  cause: 'throttled' | 'usage';
}

/** Returns the stop that the app's gauge in a successful response causes; null for none. */
export function stopForUsage(appUsagePercent: number | null): ReportedStop | null {
  return (appUsagePercent ?? 0) >= STOP_FROM_PERCENT ? { seconds: USAGE_STOP_SECONDS, cause: 'usage' } : null;
}

/** Returns the stop that a throttled call causes; null if the limit is not the app's own. */
export function stopForThrottle(
  scope: ThrottleScope,
  retryAfterSeconds: number | null,
  consecutiveThrottles: number,
): ReportedStop | null {
  if (scope !== 'app') return null;
  const defaultSeconds = Math.min(MAX_APP_WAIT_SECONDS, APP_WAIT_SECONDS * 2 ** Math.min(consecutiveThrottles, 8));
  return { seconds: Math.min(MAX_APP_STOP_SECONDS, retryAfterSeconds ?? defaultSeconds), cause: 'throttled' };
}

/** Returns how long an object's limit stops calls to it, in seconds; 0 for not at all. */
export function objectStopSeconds(scope: ThrottleScope, retryAfterSeconds: number | null): number {
  // The limit of a pair of numbers does not limit other calls to either.
  if (scope === 'app' || scope === 'pair') return 0;
  return Math.min(MAX_OBJECT_STOP_SECONDS, retryAfterSeconds ?? OBJECT_WAIT_SECONDS);
}

/** Returns the state after a stop is reported. A longer stop remains. */
export function applyStop(state: AppRateLimitState, now: Date, stop: ReportedStop | null): AppRateLimitState {
  if (stop === null || stop.seconds <= 0) return state;
  const until = addSeconds(now, stop.seconds);
  const isContinuation = state.stoppedUntil !== null && addSeconds(state.stoppedUntil, BREAK_SECONDS) > now;
  const isLonger = state.stoppedUntil === null || until > state.stoppedUntil;
  return {
    ...state,
    ...(isLonger ? { stoppedUntil: until, stopCause: stop.cause } : {}),
    stoppedSince: isContinuation ? (state.stoppedSince ?? now) : now,
  };
}

const BREAKER_SECONDS = 15;
const MAX_BREAKER_SECONDS = 5 * 60;

/** Returns how long the breaker stays open before the next probe: between half and all of its step, at random. */
export function breakerSeconds(consecutiveOpenings: number, fraction: number): number {
  const step = Math.min(MAX_BREAKER_SECONDS, BREAKER_SECONDS * 2 ** Math.min(Math.max(0, consecutiveOpenings - 1), 8));
  return step * (0.5 + fraction / 2);
}
