import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type CachedLease, LeaseTokenCache } from '../../../src/leases/lease-token-cache.ts';

const ULID = '01jd0000000000000000000000';

function opened(letter: string, secretId: `sec_${string}` = 'sec_1'): CachedLease<string> & { text: string } {
  const text = `mtl_${ULID.slice(0, -1)}${letter}${'s'.repeat(49)}`;
  return {
    text,
    leaseId: `lse_${ULID.slice(0, -1)}${letter}`,
    secretId,
    leaseToken: Buffer.from(text),
    accessToken: Buffer.from(`EAA${letter}`),
    grant: letter,
  };
}
const isZeroed = (lease: CachedLease<string>): boolean =>
  [...lease.accessToken, ...lease.leaseToken].every((byte) => byte === 0);

describe('cached lease tokens', () => {
  let leases: LeaseTokenCache<string>;
  beforeEach(() => {
    jest.useFakeTimers();
    // At time 0, lru-cache tracks no age.
    jest.advanceTimersByTime(1);
    leases = new LeaseTokenCache();
  });
  afterEach(() => {
    leases.close();
    jest.useRealTimers();
  });

  it('are found only by the exact token that was verified', () => {
    const a = opened('a');
    leases.keep(a);
    expect(leases.find(a.text)).toBe(a);
    expect(leases.find(`${a.text.slice(0, -1)}x`)).toBeNull();
    expect(leases.find(`${a.text}x`)).toBeNull();
    expect(leases.find(opened('b').text)).toBeNull();
  });

  it('are zeroed when forgotten, when replaced, and at shutdown', () => {
    const [old, fresh, other] = [opened('a'), opened('a', 'sec_2'), opened('b')];
    leases.keep(old);
    leases.keep(fresh);
    expect(isZeroed(old)).toBe(true);
    expect(leases.find(fresh.text)?.secretId).toBe('sec_2');
    leases.forget(fresh.leaseId);
    expect(isZeroed(fresh)).toBe(true);
    expect(leases.find(fresh.text)).toBeNull();
    leases.keep(other);
    leases.close();
    expect(isZeroed(other)).toBe(true);
  });

  it('are evicted after 30 to 60 seconds without a call', () => {
    const [used, idle] = [opened('a'), opened('b')];
    leases.keep(used);
    leases.keep(idle);
    jest.advanceTimersByTime(30_000);
    expect(leases.find(used.text)).toBe(used);
    jest.advanceTimersByTime(30_000);
    expect(isZeroed(idle)).toBe(true);
    expect(leases.find(used.text)).toBe(used);
    jest.advanceTimersByTime(60_000);
    expect(isZeroed(used)).toBe(true);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('make room for new ones', () => {
    const first = opened('a');
    leases.keep(first);
    for (let n = 0; n < 4_096; n++) {
      leases.keep({ ...opened('b'), leaseId: `lse_${n}`, leaseToken: Buffer.of(1), accessToken: Buffer.of(1) });
    }
    expect(isZeroed(first)).toBe(true);
  });
});
