import { describe, expect, it } from '@jest/globals';
import { nextNoticeAt, noticeDays } from '../../../../src/connections/status/expiry-notices.ts';

const end = new Date('2026-12-15T12:00:00Z');
const daysBefore = (days: number): Date => new Date(end.getTime() - days * 86_400_000);

describe('expiry notices', () => {
  it.each([
    [20, null],
    [14, 14],
    [10, 14],
    [7, 7],
    [2, 7],
    [1, 1],
    [0.1, 1],
  ])('%d days before, it is the one for %p days', (days, notice) => {
    expect(noticeDays(end, daysBefore(days))).toBe(notice);
  });

  it('come at 14, 7, and 1 days, then at expiry, then no more', () => {
    expect(nextNoticeAt(end, daysBefore(20))).toEqual(daysBefore(14));
    expect(nextNoticeAt(end, daysBefore(14))).toEqual(daysBefore(7));
    expect(nextNoticeAt(end, daysBefore(6))).toEqual(daysBefore(1));
    expect(nextNoticeAt(end, daysBefore(0.5))).toEqual(end);
    expect(nextNoticeAt(end, end)).toBeNull();
  });
});
