import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { generateApiKey, isApiKeyCandidate } from '../../../../src/auth/credentials/api-key.ts';
import { generateChecksummedToken, isChecksummedToken } from '../../../../src/auth/credentials/checksummed-token.ts';
import { Random, SystemRandom } from '../../../../src/platform/random.ts';

/** Always returns the same bytes. */
class FixedRandom extends Random {
  constructor(private readonly fixed: Buffer) {
    super();
  }

  override bytes(): Buffer {
    return Buffer.from(this.fixed);
  }
}

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes));

describe('API keys', () => {
  it('consist of mtv_, 43 secret characters and a checksum of 6', () => {
    expect(generateApiKey(new SystemRandom()).expose()).toMatch(/^mtv_[0-9A-Za-z]{49}$/);
  });

  it('encode all 256 bits: different bytes give different keys, including extremes', () => {
    const lowest = generateApiKey(new FixedRandom(Buffer.alloc(32, 0))).expose();
    const highest = generateApiKey(new FixedRandom(Buffer.alloc(32, 255))).expose();
    expect(lowest).toBe('mtv_0000000000000000000000000000000000000000000'.concat(lowest.slice(-6)));
    expect(highest.slice(4, -6)).not.toContain('0'.repeat(10));
    fc.assert(
      fc.property(seeds, seeds, (a, b) => {
        const keys = [a, b].map((seed) => generateApiKey(new FixedRandom(seed)).expose().slice(0, -6));
        expect(keys[0] === keys[1]).toBe(a.equals(b));
      }),
    );
  });

  it('are recognized, unlike those with one wrong character', () => {
    fc.assert(
      fc.property(seeds, fc.nat({ max: 48 }), fc.nat({ max: 61 }), (seed, place, letter) => {
        const key = generateApiKey(new FixedRandom(seed)).expose();
        expect(isApiKeyCandidate(key)).toBe(true);
        const at = 4 + place;
        const changed = key.slice(0, at) + ALPHABET.charAt(letter) + key.slice(at + 1);
        expect(isApiKeyCandidate(changed)).toBe(changed === key);
      }),
    );
  });

  it('include their prefix in the checksum', () => {
    const token = generateChecksummedToken('mtx', new SystemRandom()).expose();
    expect(isChecksummedToken('mtx', token)).toBe(true);
    expect(isChecksummedToken('mtv', token)).toBe(false);
    expect(isChecksummedToken('mtv', `mtv${token.slice(3)}`)).toBe(false);
  });

  it('may be chosen by an operator, with at least 32 visible characters', () => {
    expect(isApiKeyCandidate('a'.repeat(31))).toBe(false);
    expect(isApiKeyCandidate('a'.repeat(32))).toBe(true);
    expect(isApiKeyCandidate('~!"#$%&/()=?+*^:;_-.,<>|{}[]@0123456789')).toBe(true);
    expect(isApiKeyCandidate('a'.repeat(513))).toBe(false);
    expect(isApiKeyCandidate(`${'a'.repeat(32)}\n`)).toBe(false);
    expect(isApiKeyCandidate(`${'a'.repeat(32)} b`)).toBe(false);
  });

  it('are checked without throwing, whatever the string', () => {
    fc.assert(fc.property(fc.string(), (text) => typeof isApiKeyCandidate(text) === 'boolean'));
  });
});
