import { describe, expect, it } from '@jest/globals';
import { firstActiveId, leaseSpan } from '../../../src/leases/lease-spans.ts';
import { firstIdAt } from '../../../src/platform/ids.ts';

const NOW = new Date('2026-11-22T12:00:00.000Z');
const HOUR = 3600;
const idAt = (secondsAgo: number): string => `${firstIdAt('lse', NOW.getTime() - secondsAgo * 1000)}zzzzzzzzzzzzzzzz`;

describe('the span of leases', () => {
  it('holds all without a cursor, and those before a cursor', () => {
    const all = leaseSpan({ before: null, isActive: false, now: NOW });
    for (const id of [idAt(-HOUR), idAt(0), idAt(9_000 * HOUR)]) {
      expect(all.from <= id && id < all.before).toBe(true);
      expect(leaseSpan({ before: id, isActive: false, now: NOW })).toEqual({ ...all, before: id });
    }
  });

  it('of active ones holds each lease that was issued within an hour, and few others', () => {
    for (const secondsAgo of [0, 1, HOUR]) expect(firstActiveId(NOW) <= idAt(secondsAgo)).toBe(true);
    expect(firstActiveId(NOW) > idAt(1.5 * HOUR)).toBe(true);
    expect(leaseSpan({ before: null, isActive: true, now: NOW }).from).toBe(firstActiveId(NOW));
  });
});
