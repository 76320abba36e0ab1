import type { ThrottleScope } from '../../meta/errors/classify-error.ts';
import { addSeconds } from '../../platform/clock.ts';
import { DAY_SECONDS, HOUR_SECONDS } from '../../platform/duration.ts';

/** How one of Meta's apps may be called by background work, as all replicas see it. Limits of single objects are not part of it. */
export interface AppRateLimitState {
  /** The highest gauge of the last response that reported one; may exceed 100. */
  usagePercent: number;
  usageAt: Date | null;
  /** The latest end of the app's own limits. */
  stoppedUntil: Date | null;
  stopCause: 'throttled' | 'usage' | null;
  /** Since when one stop has followed the other without a real break. */
  stoppedSince: Date | null;
  /** Throttles in a row. */
  throttles: number;
  breaker: 'closed' | 'open';
  /** While open: no probe before this. */
  breakerUntil: Date | null;
  /** How often it opened in a row. */
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
  /** Meta was down; one call may probe whether it still is. */
  | { kind: 'probe' };

/** Below this share of the limit, full speed; from there down to one call at a time at the stop. */
const SLOW_FROM_PERCENT = 75;
const STOP_FROM_PERCENT = 95;
const USAGE_STOP_SECONDS = 60;
/** Gauges are of a rolling hour; a reading that is older than this is no reason to go slowly any more. */
const USAGE_TTL_SECONDS = 300;

/** One probe for all replicas in this time; none in the first interval of a stop. */
export const PROBE_INTERVAL_SECONDS = 60;
/** After a probe that Meta refused as well. */
export const REFUSED_PROBE_INTERVAL_SECONDS = 10 * 60;
/** A stop that lasts longer is not waited out any more. */
const LONG_STOP_SECONDS = HOUR_SECONDS;
/** A token that outlives the stop by this much can be refreshed after it. */
const MIN_LIFE_AFTER_STOP_SECONDS = 15 * 60;
/** Stops with a shorter break between them count as one: hardly any sweep falls into the break. */
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
 * Which tokens may be refreshed although the app is stopped by a rate limit, a few per probe: those that end before this. Null: none.
 * A call that Meta refuses prolongs the block (META.md 13), so everything that can wait out a stop does: until it has lasted for an hour
 * without a break, only tokens that would not outlive it are refreshed; after that, those that end within `nearEndSeconds`.
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
/** Meta's estimate may be wrong, so an object is tried again after this at the latest. */
const MAX_OBJECT_STOP_SECONDS = HOUR_SECONDS;

/** How long the app's own limit stops background work. */
interface ReportedStop {
  seconds: number;
  cause: 'throttled' | 'usage';
}

/** What the headers of a successful response stop: only the app's own gauge counts for the app. Null: nothing. */
export function stopForUsage(appUsagePercent: number | null): ReportedStop | null {
  return (appUsagePercent ?? 0) >= STOP_FROM_PERCENT ? { seconds: USAGE_STOP_SECONDS, cause: 'usage' } : null;
}

/** What a refusal for a limit stops. Null: the limit is not the app's own. */
export function stopForThrottle(
  scope: ThrottleScope,
  retryAfterSeconds: number | null,
  consecutiveThrottles: number,
): ReportedStop | null {
  if (scope !== 'app') return null;
  const defaultSeconds = Math.min(MAX_APP_WAIT_SECONDS, APP_WAIT_SECONDS * 2 ** Math.min(consecutiveThrottles, 8));
  return { seconds: Math.min(MAX_APP_STOP_SECONDS, retryAfterSeconds ?? defaultSeconds), cause: 'throttled' };
}

/** How long the limit of one object holds up calls to that object; 0: not at all. */
export function objectStopSeconds(scope: ThrottleScope, retryAfterSeconds: number | null): number {
  // The limit of a pair of numbers says nothing about other calls to either of them.
  if (scope === 'app' || scope === 'pair') return 0;
  return Math.min(MAX_OBJECT_STOP_SECONDS, retryAfterSeconds ?? OBJECT_WAIT_SECONDS);
}

/** The state after such a stop is reported now. A longer stop remains. */
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

/** How long the breaker stays open before the next probe, the shorter half of it at random. */
export function breakerSeconds(consecutiveOpenings: number, fraction: number): number {
  const step = Math.min(MAX_BREAKER_SECONDS, BREAKER_SECONDS * 2 ** Math.min(Math.max(0, consecutiveOpenings - 1), 8));
  return step * (0.5 + fraction / 2);
}
