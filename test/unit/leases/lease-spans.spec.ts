import { describe, expect, it } from '@jest/globals';
import { leaseSpans } from '../../../src/leases/lease-spans.ts';
import { firstIdAt } from '../../../src/platform/ids.ts';

const NOW = new Date('2026-11-22T12:00:00.000Z');
const CONNECTION = { connectionId: 'con_01jd0000000000000000000000' } as const;
const HOUR = 3600;
const idAt = (secondsAgo: number): string => firstIdAt('lse', new Date(NOW.getTime() - secondsAgo * 1000));
const spans = (connectionId: typeof CONNECTION.connectionId | null, of: { before?: string; isActive?: boolean } = {}) =>
  leaseSpans({ connectionId, tenant: null }, { before: null, isActive: false, now: NOW, ...of });

describe('spans of leases', () => {
  it('of a connection adjoin from the newest to the first lease of all', () => {
    const all = spans(CONNECTION.connectionId);
    expect(all.length).toBeGreaterThan(1);
    expect(all[0]?.before).toBe('lsf_');
    expect(all.at(-1)?.from).toBe('lse_0000000000');
    for (const [index, { before }] of all.slice(1).entries()) expect(before).toBe(all[index]?.from);
  });

  it('hold each lease of an hour or less, whenever it was issued', () => {
    for (const secondsAgo of [0, 1, HOUR, 2 * HOUR - 1, 2 * HOUR, 8 * HOUR, 100 * HOUR, 512 * HOUR, 9_000 * HOUR]) {
      const id = `${idAt(secondsAgo)}zzzzzzzzzzzzzzzz`;
      const [span, ...others] = spans(CONNECTION.connectionId).filter(({ from, before }) => from <= id && id < before);
      expect(others).toEqual([]);
      for (const seconds of [1, HOUR]) {
        const endsAt = new Date(NOW.getTime() + (seconds - secondsAgo) * 1000);
        expect([secondsAgo, span !== undefined && span.endsAfter < endsAt && endsAt <= span.endsUntil]).toEqual([
          secondsAgo,
          true,
        ]);
      }
    }
  });

  it('begin at the cursor', () => {
    const before = idAt(40 * HOUR);
    const [first] = spans(CONNECTION.connectionId, { before });
    expect(first?.before).toBe(before);
    expect(first?.from).toBe(idAt(128 * HOUR));
  });

  it('are one without a connection, and as long as leases live for active ones', () => {
    expect(spans(null)).toMatchObject([{ from: 'lse_0000000000', before: 'lsf_' }]);
    for (const id of [null, CONNECTION.connectionId]) {
      const [active, ...others] = spans(id, { isActive: true });
      expect(others).toEqual([]);
      expect(active !== undefined && active.from <= idAt(HOUR) && active.from > idAt(2 * HOUR)).toBe(true);
    }
    expect(spans(null, { isActive: true, before: idAt(3 * HOUR) })).toEqual([]);
  });
});
