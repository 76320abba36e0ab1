import { describe, expect, it } from '@jest/globals';
import { firstActiveId, leaseSpans } from '../../../src/leases/lease-spans.ts';
import { firstIdAt } from '../../../src/platform/ids.ts';

const NOW = new Date('2026-11-22T12:00:00.000Z');
const HOUR = 3600;
const idAt = (secondsAgo: number): string => firstIdAt('lse', new Date(NOW.getTime() - secondsAgo * 1000));
const spans = (of: { tenant?: string; before?: string; isActive?: boolean } = {}) =>
  leaseSpans({ connectionId: null, tenant: null, ...of }, { before: null, isActive: false, now: NOW, ...of });

describe('spans of leases', () => {
  it('of a tenant adjoin from the newest to the first lease of all', () => {
    const all = spans({ tenant: 'acme' });
    expect(all.length).toBeGreaterThan(1);
    expect(all[0]?.before).toBe('lsf_');
    expect(all.at(-1)?.from).toBe('');
    for (const [index, { before }] of all.slice(1).entries()) expect(before).toBe(all[index]?.from);
  });

  it('begin at the cursor', () => {
    const before = idAt(40 * HOUR);
    expect(spans({ tenant: 'acme', before })[0]).toEqual({ from: idAt(128 * HOUR), before });
  });

  it('are one without a tenant, and one of active leases', () => {
    expect(spans()).toEqual([{ from: '', before: 'lsf_' }]);
    const connection = { connectionId: 'con_01jd0000000000000000000000', tenant: 'acme' } as const;
    expect(leaseSpans(connection, { before: null, isActive: false, now: NOW })).toHaveLength(1);
    for (const owners of [{}, { tenant: 'acme' }])
      expect(spans({ ...owners, isActive: true })).toEqual([{ from: firstActiveId(NOW), before: 'lsf_' }]);
    expect(spans({ isActive: true, before: idAt(3 * HOUR) })).toEqual([]);
  });

  it('of active ones hold each lease that was issued within an hour, and few others', () => {
    for (const secondsAgo of [0, 1, HOUR]) expect(firstActiveId(NOW) <= idAt(secondsAgo)).toBe(true);
    expect(firstActiveId(NOW) > idAt(1.5 * HOUR)).toBe(true);
  });
});
