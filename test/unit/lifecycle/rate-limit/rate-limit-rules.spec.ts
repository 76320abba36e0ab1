import { describe, expect, it } from '@jest/globals';
import {
  type AppRateLimitState,
  allowanceOf,
  applyStop,
  breakerSeconds,
  limitProbeCutoff,
  stopForThrottle,
  stopForUsage,
  UNKNOWN_RATE_LIMIT,
} from '../../../../src/lifecycle/rate-limit/rate-limit-rules.ts';

const now = new Date('2026-11-22T12:00:00Z');
const inSeconds = (seconds: number): Date => new Date(now.getTime() + seconds * 1000);
const allowance = (state: Partial<AppRateLimitState>) => allowanceOf({ ...UNKNOWN_RATE_LIMIT, ...state }, now, 32);

describe('allowanceOf', () => {
  it('slows down before the limit, never below one', () => {
    const at = (usagePercent: number) => allowance({ usagePercent, usageAt: now });
    expect(at(75)).toEqual({ kind: 'go', concurrency: 32 });
    expect(at(85)).toEqual({ kind: 'go', concurrency: 16 });
    expect(at(94)).toEqual({ kind: 'go', concurrency: 1 });
    expect(at(107)).toEqual({ kind: 'go', concurrency: 1 });
  });

  it('forgets an old reading', () => {
    expect(allowance({ usagePercent: 94, usageAt: inSeconds(-301) })).toEqual({ kind: 'go', concurrency: 32 });
  });

  it('stops until the time that was given', () => {
    const until = inSeconds(300);
    expect(allowance({ stoppedUntil: until, stopCause: 'throttled' })).toEqual({
      kind: 'stop',
      cause: 'throttled',
      until,
    });
    expect(allowance({ stoppedUntil: now })).toMatchObject({ kind: 'go' });
  });

  it('stops while the breaker is open, then lets one probe', () => {
    expect(allowance({ breaker: 'open', breakerUntil: inSeconds(1) })).toMatchObject({
      kind: 'stop',
      cause: 'unavailable',
    });
    expect(allowance({ breaker: 'open', breakerUntil: now })).toEqual({ kind: 'probe' });
  });
});

describe('how long a stop lasts', () => {
  const seconds = (stop: ReturnType<typeof stopForThrottle>) => [stop.appSeconds, stop.objectSeconds];

  it('as long as Meta says; otherwise longer each time', () => {
    expect(seconds(stopForThrottle('app', 300, 5))).toEqual([300, null]);
    expect([0, 1, 2, 9].map((row) => stopForThrottle('app', null, row).appSeconds)).toEqual([60, 120, 240, 900]);
  });

  it('an hour at the most for the limit of one object', () => {
    expect(seconds(stopForThrottle('page', 86_400, 0))).toEqual([null, 3600]);
    expect(seconds(stopForThrottle('business', null, 9))).toEqual([null, 10]);
  });

  it('a minute where the gauge is nearly full, and not at all below', () => {
    expect(stopForUsage(95, null)).toEqual({ appSeconds: 60, objectSeconds: null, cause: 'usage' });
    expect(seconds(stopForUsage(94, null))).toEqual([null, null]);
    expect(stopForUsage(10, 300)).toEqual({ appSeconds: null, objectSeconds: 300, cause: 'throttled' });
    expect(seconds(stopForUsage(100, 300))).toEqual([60, 300]);
  });

  it('longer with each opening of the breaker, within five minutes', () => {
    expect([1, 2, 3, 20].map((openings) => breakerSeconds(openings, 1))).toEqual([15, 30, 60, 300]);
    expect(breakerSeconds(1, 0)).toBe(7.5);
  });
});

describe('stops that follow each other', () => {
  const stoppedFrom = (
    state: Partial<AppRateLimitState>,
    appSeconds: number | null,
    objectSeconds: number | null,
  ): AppRateLimitState =>
    applyStop({ ...UNKNOWN_RATE_LIMIT, ...state }, now, { appSeconds, objectSeconds, cause: 'throttled' });

  it('are one as long as there is no real break between them', () => {
    const earlier = { stoppedUntil: inSeconds(-299), stoppedSince: inSeconds(-3000) };
    expect(stoppedFrom(earlier, 60, null).stoppedSince).toEqual(inSeconds(-3000));
    expect(stoppedFrom({ ...earlier, stoppedUntil: inSeconds(-301) }, 60, null).stoppedSince).toEqual(now);
    expect(stoppedFrom({}, null, null)).toEqual(UNKNOWN_RATE_LIMIT);
  });

  it('keep the longer time, of the app and of all', () => {
    const state = stoppedFrom({ stoppedUntil: inSeconds(600), appStoppedUntil: inSeconds(30) }, 60, 300);
    expect(state).toMatchObject({ stoppedUntil: inSeconds(600), appStoppedUntil: inSeconds(60) });
    expect(stoppedFrom(state, 20, 900)).toMatchObject({ stoppedUntil: inSeconds(900), appStoppedUntil: inSeconds(60) });
  });

  it("hold all up for an hour where they are objects' limits, then slow it down; the app's own limit stops on", () => {
    const since = (seconds: number) => ({ stoppedUntil: inSeconds(60), stoppedSince: inSeconds(-seconds) });
    expect(allowance(since(3599))).toMatchObject({ kind: 'stop' });
    expect(allowance(since(3600))).toEqual({ kind: 'go', concurrency: 1 });
    expect(allowance({ ...since(86_400), appStoppedUntil: inSeconds(1) })).toMatchObject({ kind: 'stop' });
    expect(allowance({ ...since(86_400), appStoppedUntil: now })).toEqual({ kind: 'go', concurrency: 1 });
  });
});

describe('limitProbeCutoff', () => {
  const DAY = 86_400;
  const cutoff = (state: Partial<AppRateLimitState>) => limitProbeCutoff({ ...UNKNOWN_RATE_LIMIT, ...state }, now, DAY);
  const stop = (lastedSeconds: number, seconds: number): Partial<AppRateLimitState> => ({
    stoppedUntil: inSeconds(seconds),
    appStoppedUntil: inSeconds(seconds),
    stoppedSince: inSeconds(-lastedSeconds),
  });

  it('is nobody while nothing is stopped, in the first minute of a stop, or while Meta is down', () => {
    expect(cutoff({})).toBeNull();
    expect(cutoff(stop(7200, 0))).toBeNull();
    expect(cutoff(stop(59, 900))).toBeNull();
    expect(cutoff({ ...stop(7200, 900), breaker: 'open', breakerUntil: inSeconds(60) })).toBeNull();
    expect(cutoff({ ...stop(7200, 900), breaker: 'open', breakerUntil: now })).toBeNull();
  });

  it('is for what would not outlive the stop, and for all near their end when it has lasted for an hour', () => {
    expect(cutoff(stop(60, 900))).toEqual(inSeconds(900 + 900));
    expect(cutoff(stop(3599, 900))).toEqual(inSeconds(900 + 900));
    expect(cutoff(stop(3600, 900))).toEqual(inSeconds(DAY));
    expect(cutoff(stop(3600, DAY))).toEqual(inSeconds(DAY + 900));
  });

  it("is not needed where only objects' limits go on and on: then all goes on slowly", () => {
    expect(cutoff({ ...stop(3600, 900), appStoppedUntil: null })).toBeNull();
  });
});
