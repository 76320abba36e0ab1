import { describe, expect, it } from '@jest/globals';
import {
  type AppRateLimitState,
  allowanceOf,
  applyStop,
  breakerSeconds,
  limitProbeCutoff,
  objectStopSeconds,
  stopForThrottle,
  stopForUsage,
  UNKNOWN_RATE_LIMIT,
} from '../../../../src/lifecycle/rate-limit/rate-limit-rules.ts';

const now = new Date('2026-11-22T12:00:00Z');
const inSeconds = (seconds: number): Date => new Date(now.getTime() + seconds * 1000);
const allowance = (state: Partial<AppRateLimitState>) => allowanceOf({ ...UNKNOWN_RATE_LIMIT, ...state }, now, 32);

describe('allowanceOf', () => {
  it('slows down before the limit, never below one call', () => {
    const at = (usagePercent: number) => allowance({ usagePercent, usageAt: now });
    expect(at(75)).toEqual({ kind: 'go', concurrency: 32 });
    expect(at(85)).toEqual({ kind: 'go', concurrency: 16 });
    expect(at(94)).toEqual({ kind: 'go', concurrency: 1 });
    expect(at(107)).toEqual({ kind: 'go', concurrency: 1 });
  });

  it('ignores an old reading', () => {
    expect(allowance({ usagePercent: 94, usageAt: inSeconds(-301) })).toEqual({ kind: 'go', concurrency: 32 });
  });

  it('stops until the given time', () => {
    const until = inSeconds(300);
    expect(allowance({ stoppedUntil: until, stopCause: 'throttled' })).toEqual({
      kind: 'stop',
      cause: 'throttled',
      until,
    });
    expect(allowance({ stoppedUntil: now })).toMatchObject({ kind: 'go' });
  });

  it('stops while the breaker is open, then allows one probe', () => {
    expect(allowance({ breaker: 'open', breakerUntil: inSeconds(1) })).toMatchObject({
      kind: 'stop',
      cause: 'unavailable',
    });
    expect(allowance({ breaker: 'open', breakerUntil: now })).toEqual({ kind: 'probe' });
  });
});

describe('the length of a stop', () => {
  it('is what Meta says, else longer each time', () => {
    expect(stopForThrottle('app', 300, 5)).toEqual({ seconds: 300, cause: 'throttled' });
    expect([0, 1, 2, 9].map((row) => stopForThrottle('app', null, row)?.seconds)).toEqual([60, 120, 240, 900]);
  });

  it('is at most an hour for the limit of an object, and affects only that object', () => {
    expect(stopForThrottle('page', 86_400, 0)).toBeNull();
    expect(objectStopSeconds('page', 86_400)).toBe(3600);
    expect(objectStopSeconds('business', null)).toBe(60);
    expect(objectStopSeconds('object', 300)).toBe(300);
  });

  it("is zero for an object if the limit is the app's own or that of a pair of numbers", () => {
    expect(objectStopSeconds('app', 300)).toBe(0);
    expect(objectStopSeconds('pair', 300)).toBe(0);
    expect(stopForThrottle('pair', 300, 0)).toBeNull();
  });

  it('is a minute if the gauge is nearly full, and zero below', () => {
    expect(stopForUsage(95)).toEqual({ seconds: 60, cause: 'usage' });
    expect(stopForUsage(94)).toBeNull();
    expect(stopForUsage(null)).toBeNull();
  });

  it('grows with each opening of the breaker, up to five minutes', () => {
    expect([1, 2, 3, 20].map((openings) => breakerSeconds(openings, 1))).toEqual([15, 30, 60, 300]);
    expect(breakerSeconds(1, 0)).toBe(7.5);
  });
});

describe('consecutive stops', () => {
  const stoppedFrom = (state: Partial<AppRateLimitState>, seconds: number | null): AppRateLimitState =>
    applyStop({ ...UNKNOWN_RATE_LIMIT, ...state }, now, seconds === null ? null : { seconds, cause: 'throttled' });

  it('count as one without a real break between them', () => {
    const earlier = { stoppedUntil: inSeconds(-299), stoppedSince: inSeconds(-3000) };
    expect(stoppedFrom(earlier, 60).stoppedSince).toEqual(inSeconds(-3000));
    expect(stoppedFrom({ ...earlier, stoppedUntil: inSeconds(-301) }, 60).stoppedSince).toEqual(now);
    expect(stoppedFrom({}, null)).toEqual(UNKNOWN_RATE_LIMIT);
  });

  it('keep the longer time', () => {
    const state = stoppedFrom({ stoppedUntil: inSeconds(600) }, 60);
    expect(state).toMatchObject({ stoppedUntil: inSeconds(600) });
    expect(stoppedFrom(state, 900)).toMatchObject({ stoppedUntil: inSeconds(900) });
  });

  it('go on however long they last', () => {
    expect(allowance({ stoppedUntil: inSeconds(60), stoppedSince: inSeconds(-86_400) })).toMatchObject({
      kind: 'stop',
    });
  });
});

describe('limitProbeCutoff', () => {
  const DAY = 86_400;
  const cutoff = (state: Partial<AppRateLimitState>) => limitProbeCutoff({ ...UNKNOWN_RATE_LIMIT, ...state }, now, DAY);
  const stop = (lastedSeconds: number, seconds: number): Partial<AppRateLimitState> => ({
    stoppedUntil: inSeconds(seconds),
    stoppedSince: inSeconds(-lastedSeconds),
  });

  it('is null without a stop, in its first minute, and while Meta is down', () => {
    expect(cutoff({})).toBeNull();
    expect(cutoff(stop(7200, 0))).toBeNull();
    expect(cutoff(stop(59, 900))).toBeNull();
    expect(cutoff({ ...stop(7200, 900), breaker: 'open', breakerUntil: inSeconds(60) })).toBeNull();
    expect(cutoff({ ...stop(7200, 900), breaker: 'open', breakerUntil: now })).toBeNull();
  });

  it('covers tokens that would not outlive the stop, and after an hour all near expiry', () => {
    expect(cutoff(stop(60, 900))).toEqual(inSeconds(900 + 900));
    expect(cutoff(stop(3599, 900))).toEqual(inSeconds(900 + 900));
    expect(cutoff(stop(3600, 900))).toEqual(inSeconds(DAY));
    expect(cutoff(stop(3600, DAY))).toEqual(inSeconds(DAY + 900));
  });
});
