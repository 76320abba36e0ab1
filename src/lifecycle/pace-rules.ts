import type { ThrottleScope } from '../meta/classify-error.ts';
import { addSeconds } from '../platform/clock.ts';

/** How one of Meta's apps may be called by background work, as all replicas see it. */
export interface PaceState {
  /** The highest gauge of the last answer that told one; may exceed 100. */
  usagePercent: number;
  usageAt: Date | null;
  stoppedUntil: Date | null;
  stopCause: 'throttled' | 'usage' | null;
  /** Throttles in a row. */
  throttles: number;
  breaker: 'closed' | 'open';
  /** While open: nobody probes before. */
  breakerUntil: Date | null;
  /** Openings in a row. */
  openings: number;
}

export const UNKNOWN_PACE: PaceState = Object.freeze({
  usagePercent: 0,
  usageAt: null,
  stoppedUntil: null,
  stopCause: null,
  throttles: 0,
  breaker: 'closed',
  breakerUntil: null,
  openings: 0,
});

export type Allowance =
  | { kind: 'go'; concurrency: number }
  | { kind: 'stop'; cause: 'throttled' | 'usage' | 'unavailable'; until: Date }
  /** Meta was down; one call may find out whether it still is. */
  | { kind: 'probe' };

/** Below this share of the limit, full speed; from there down to one call at a time at the stop. */
const SLOW_FROM_PERCENT = 75;
const STOP_FROM_PERCENT = 95;
const USAGE_STOP_SECONDS = 60;
/** Gauges are of a rolling hour; a reading that is older than this is no reason to go slowly any more. */
const USAGE_GOOD_FOR_SECONDS = 300;

export function allowanceOf(state: PaceState, now: Date, most: number): Allowance {
  if (state.breaker === 'open') {
    if (state.breakerUntil !== null && state.breakerUntil > now)
      return { kind: 'stop', cause: 'unavailable', until: state.breakerUntil };
    return { kind: 'probe' };
  }
  if (state.stoppedUntil !== null && state.stoppedUntil > now) {
    return { kind: 'stop', cause: state.stopCause ?? 'throttled', until: state.stoppedUntil };
  }
  return { kind: 'go', concurrency: concurrencyAt(state, now, most) };
}

function concurrencyAt({ usagePercent, usageAt }: PaceState, now: Date, most: number): number {
  const fresh = usageAt !== null && addSeconds(usageAt, USAGE_GOOD_FOR_SECONDS) > now;
  if (!fresh || usagePercent <= SLOW_FROM_PERCENT) return most;
  const room = Math.max(0, (STOP_FROM_PERCENT - usagePercent) / (STOP_FROM_PERCENT - SLOW_FROM_PERCENT));
  return Math.max(1, Math.floor(most * room));
}

const APP_WAIT_SECONDS = 60;
const APP_WAIT_CEILING_SECONDS = 15 * 60;
const OBJECT_WAIT_SECONDS = 10;
/** A limit of one page, person or business must not hold up everybody's renewals for ever: at most this at a time. */
const OBJECT_STOP_CEILING_SECONDS = 60 * 60;
const APP_STOP_CEILING_SECONDS = 24 * 60 * 60;

/** How long a refusal for a limit stops the background work of the app. */
export function throttleSeconds(
  scope: ThrottleScope,
  retryAfterSeconds: number | null,
  throttlesInARow: number,
): number {
  if (scope === 'app') {
    const unnamed = Math.min(APP_WAIT_CEILING_SECONDS, APP_WAIT_SECONDS * 2 ** Math.min(throttlesInARow, 8));
    return Math.min(APP_STOP_CEILING_SECONDS, retryAfterSeconds ?? unnamed);
  }
  return Math.min(OBJECT_STOP_CEILING_SECONDS, retryAfterSeconds ?? OBJECT_WAIT_SECONDS);
}

/** How long a good answer's headers stop it: a regain time is named, or the app's own gauge is nearly full. Null: not at all. */
export function usageStopSeconds(appUsagePercent: number | null, regainSeconds: number | null): number | null {
  if (regainSeconds !== null) return Math.min(OBJECT_STOP_CEILING_SECONDS, regainSeconds);
  return (appUsagePercent ?? 0) >= STOP_FROM_PERCENT ? USAGE_STOP_SECONDS : null;
}

const BREAKER_SECONDS = 15;
const BREAKER_CEILING_SECONDS = 5 * 60;

/** How long the breaker stays open before the next probe, the shorter half of it at random. */
export function breakerSeconds(openingsInARow: number, fraction: number): number {
  const step = Math.min(BREAKER_CEILING_SECONDS, BREAKER_SECONDS * 2 ** Math.min(Math.max(0, openingsInARow - 1), 8));
  return step * (0.5 + fraction / 2);
}
