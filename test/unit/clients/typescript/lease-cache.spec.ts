import { describe, expect, it } from '@jest/globals';
import { type Issued, LeaseCache } from '../../../../clients/typescript/src/lease-cache.ts';

interface TestLease {
  id: string;
}
const LIFE = 900_000;

/** A cache on a fake time, and a service that gives numbered leases. */
function setUp(options: { size?: number; random?: number } = {}) {
  const clock = { now: 0 };
  const cache = new LeaseCache<TestLease>(options.size ?? 10, {
    now: () => clock.now,
    random: () => options.random ?? 0,
  });
  let issued = 0;
  const issue = async (): Promise<Issued<TestLease>> => ({ lease: { id: `lse_${++issued}` }, lifetimeMs: LIFE });
  const fail = async (): Promise<never> => {
    throw new Error('no lease');
  };
  return { cache, clock, issue, fail, count: () => issued };
}

describe('a cache of leases', () => {
  it('asks once for 200 callers', async () => {
    const { cache, issue, count } = setUp();
    const leases = await Promise.all(Array.from({ length: 200 }, () => cache.get('acme', issue)));
    expect(new Set(leases).size).toBe(1);
    expect(count()).toBe(1);
  });

  it.each([
    [0, 0.7],
    [1, 0.85],
  ])('renews in the background, with chance %d at %d of its life', async (random, part) => {
    const { cache, clock, issue, count } = setUp({ random });
    const first = await cache.get('acme', issue);
    clock.now = LIFE * part - 1;
    expect(await cache.get('acme', issue)).toBe(first);
    expect(count()).toBe(1);
    clock.now += 1;
    const asked = await Promise.all([cache.get('acme', issue), cache.get('acme', issue)]);
    expect(asked).toEqual([first, first]);
    expect(count()).toBe(2);
    expect(await cache.get('acme', issue)).toEqual({ id: 'lse_2' });
  });

  it('does not use a lease in its last seconds', async () => {
    const { cache, clock, issue, fail } = setUp();
    await cache.get('acme', issue);
    clock.now = LIFE - 10_001;
    expect(await cache.get('acme', fail)).toEqual({ id: 'lse_1' });
    clock.now = LIFE - 10_000;
    await expect(cache.get('acme', fail)).rejects.toThrow('no lease');
    expect(await cache.get('acme', issue)).toEqual({ id: 'lse_2' });
  });

  it('keeps a lease whose renewal fails, and tries again after a part of what is left', async () => {
    const { cache, clock, issue, fail, count } = setUp();
    const first = await cache.get('acme', issue);
    clock.now = LIFE * 0.7;
    expect(await cache.get('acme', fail)).toBe(first);
    await new Promise(setImmediate);
    expect(await cache.get('acme', issue)).toBe(first);
    expect(count()).toBe(1);
    clock.now += (LIFE * 0.3 - 10_000) * 0.1;
    expect(await cache.get('acme', issue)).toBe(first);
    expect(count()).toBe(2);
  });

  it('counts the life of a lease from before the question', async () => {
    const { cache, clock, issue, count } = setUp();
    await cache.get('acme', async () => {
      const answer = await issue();
      clock.now = LIFE / 2;
      return answer;
    });
    clock.now = LIFE * 0.7;
    await cache.get('acme', issue);
    expect(count()).toBe(2);
  });

  it('keeps no failure', async () => {
    const { cache, issue, fail } = setUp();
    await expect(cache.get('acme', fail)).rejects.toThrow('no lease');
    expect(await cache.get('acme', issue)).toEqual({ id: 'lse_1' });
  });

  it('forgets the lease that was used least recently', async () => {
    const { cache, issue } = setUp({ size: 2 });
    await cache.get('a', issue);
    await cache.get('b', issue);
    await cache.get('a', issue);
    await cache.get('c', issue);
    expect(cache.size).toBe(2);
    expect(await cache.get('a', issue)).toEqual({ id: 'lse_1' });
    expect(await cache.get('b', issue)).toEqual({ id: 'lse_4' });
  });

  it('drops a refused lease once: the newer one in its place stays', async () => {
    const { cache, issue, count } = setUp();
    const refused = await cache.get('acme', issue);
    cache.drop(refused);
    const newer = await cache.get('acme', issue);
    cache.drop(refused);
    expect(await cache.get('acme', issue)).toBe(newer);
    expect(count()).toBe(2);
  });
});
