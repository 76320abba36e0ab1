import { describe, expect, it } from '@jest/globals';
import {
  allowanceOf,
  breakerSeconds,
  type PaceState,
  throttleSeconds,
  UNKNOWN_PACE,
  usageStopSeconds,
} from '../../../src/lifecycle/pace-rules.ts';

const now = new Date('2026-11-22T12:00:00Z');
const inSeconds = (seconds: number): Date => new Date(now.getTime() + seconds * 1000);
const allowance = (state: Partial<PaceState>) => allowanceOf({ ...UNKNOWN_PACE, ...state }, now, 32);

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
  it('as long as Meta says; otherwise longer each time', () => {
    expect(throttleSeconds('app', 300, 5)).toBe(300);
    expect([0, 1, 2, 9].map((row) => throttleSeconds('app', null, row))).toEqual([60, 120, 240, 900]);
  });

  it('an hour at the most for the limit of one object', () => {
    expect(throttleSeconds('page', 86_400, 0)).toBe(3600);
    expect(throttleSeconds('business', null, 9)).toBe(10);
  });

  it('a minute where the gauge is nearly full, and not at all below', () => {
    expect(usageStopSeconds(95, null)).toBe(60);
    expect(usageStopSeconds(94, null)).toBeNull();
    expect(usageStopSeconds(10, 300)).toBe(300);
  });

  it('longer with each opening of the breaker, within five minutes', () => {
    expect([1, 2, 3, 20].map((openings) => breakerSeconds(openings, 1))).toEqual([15, 30, 60, 300]);
    expect(breakerSeconds(1, 0)).toBe(7.5);
  });
});
