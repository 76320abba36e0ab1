import { describe, expect, it } from '@jest/globals';
import { PayloadKeyCache } from '../../../../src/vault/payloads/payload-key-cache.ts';
import type { PayloadKey } from '../../../../src/vault/payloads/sealed-payload.ts';

const BYTES = Buffer.alloc(32, 5);
const key = (n: number, tenant = `t${n}`): PayloadKey => ({
  id: `pky_${n}`,
  tenant,
  day: '2026-11-28',
  key: Uint8Array.from(BYTES),
});
const isWhole = (found: PayloadKey | null): boolean => found !== null && BYTES.equals(found.key);

describe('cached payload keys', () => {
  it('are found by id and by owner', () => {
    const cache = new PayloadKeyCache();
    cache.add(key(1));
    expect(isWhole(cache.find('pky_1'))).toBe(true);
    expect(isWhole(cache.findOf({ tenant: 't1', day: '2026-11-28' }))).toBe(true);
    expect(cache.findOf({ tenant: 't1', day: '2026-11-29' })).toBeNull();
    expect(cache.findOf({ tenant: 't2', day: '2026-11-28' })).toBeNull();
  });

  it('are limited in number: the latest used stay, and returned copies stay valid', () => {
    const cache = new PayloadKeyCache({ maxKeys: 2 });
    cache.add(key(1));
    const handedOut = cache.find('pky_1');
    cache.add(key(2));
    cache.find('pky_1');
    cache.add(key(3));
    expect([1, 2, 3].map((n) => cache.find(`pky_${n}`) !== null)).toEqual([true, false, true]);
    expect(cache.findOf({ tenant: 't2', day: '2026-11-28' })).toBeNull();
    cache.delete(['pky_1']);
    expect(isWhole(handedOut)).toBe(true);
  });

  it('are unaffected when their owner wipes a copy', () => {
    const cache = new PayloadKeyCache();
    const mine = key(1);
    cache.add(mine);
    mine.key.fill(0);
    cache.find('pky_1')?.key.fill(0);
    expect(isWhole(cache.find('pky_1'))).toBe(true);
  });

  it("keep an owner's newer key when the older one is evicted", () => {
    const cache = new PayloadKeyCache();
    cache.add(key(1, 'acme'));
    cache.add(key(2, 'acme'));
    cache.delete(['pky_1']);
    expect(cache.findOf({ tenant: 'acme', day: '2026-11-28' })?.id).toBe('pky_2');
  });
});
