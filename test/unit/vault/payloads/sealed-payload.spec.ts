import { describe, expect, it } from '@jest/globals';
import { SystemRandom } from '../../../../src/platform/random.ts';
import {
  openPayload,
  type PayloadKey,
  type PayloadPlace,
  sealPayload,
} from '../../../../src/vault/payloads/sealed-payload.ts';
import { DecryptionError } from '../../../../src/vault/sealed-secret.ts';

const random = new SystemRandom();
const key: PayloadKey = { id: 'pky_1', tenant: 'acme', day: '2026-11-28', key: random.bytes(32) };
const place: PayloadPlace = { kind: 'event', rowId: 'evt_1' };
const TEXT = '{"text":"ä\\u0000 🙂"}';

describe('a sealed payload', () => {
  it('opens to the same text, and differs each time', () => {
    const [one, other] = [sealPayload(TEXT, place, key, random), sealPayload(TEXT, place, key, random)];
    expect(one.equals(other)).toBe(false);
    expect(one.includes('text')).toBe(false);
    for (const payload of [one, other]) expect(openPayload(payload, place, key)).toBe(TEXT);
    expect(openPayload(sealPayload('', place, key, random), place, key)).toBe('');
  });

  it.each<[string, Partial<PayloadPlace>, Partial<PayloadKey>]>([
    ['row', { rowId: 'evt_2' }, {}],
    ['key id', {}, { id: 'pky_2' }],
    ['tenant', {}, { tenant: 'other' }],
    ['day', {}, { day: '2026-11-29' }],
    ['key', {}, { key: random.bytes(32) }],
  ])('does not open with another %s', (_, otherPlace, otherKey) => {
    const payload = sealPayload(TEXT, place, key, random);
    expect(() => openPayload(payload, { ...place, ...otherPlace }, { ...key, ...otherKey })).toThrow(DecryptionError);
  });

  it('does not open if any bit is flipped, or if truncated or empty', () => {
    const payload = sealPayload(TEXT, place, key, random);
    for (let at = 0; at < payload.length; at++) {
      const changed = Buffer.from(payload);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(() => openPayload(changed, place, key)).toThrow(DecryptionError);
    }
    for (const cut of [payload.subarray(0, -1), payload.subarray(0, 10), Buffer.alloc(0)])
      expect(() => openPayload(cut, place, key)).toThrow(DecryptionError);
  });
});
