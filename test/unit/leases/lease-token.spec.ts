import fc from 'fast-check';
import { createLeaseToken, parseLeaseToken } from '../../../src/leases/lease-token.ts';
import { Ids } from '../../../src/platform/ids.ts';
import { SystemRandom } from '../../../src/platform/random.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const random = new SystemRandom();
const ids = new Ids(new FakeClock(), random);

describe('lease tokens', () => {
  it('contain their lease id and their secret', () => {
    const leaseId = ids.next('lse');
    const { token, secret } = createLeaseToken(leaseId, random);
    expect(token).toMatch(/^mtl_/);
    expect(parseLeaseToken(token)).toEqual({ leaseId, secret });
    expect(Buffer.from(secret, 'base64url')).toHaveLength(32);
  });

  it('are rejected if any character changes', () => {
    const { token } = createLeaseToken(ids.next('lse'), random);
    fc.assert(
      fc.property(fc.nat(token.length - 1), fc.constantFrom(...'abcXYZ019_-~ '), (at, character) => {
        fc.pre(token[at] !== character);
        expect(parseLeaseToken(token.slice(0, at) + character + token.slice(at + 1))).toBeNull();
      }),
    );
  });

  it('are rejected if truncated or extended', () => {
    const { token } = createLeaseToken(ids.next('lse'), random);
    expect(parseLeaseToken(token.slice(0, -1))).toBeNull();
    expect(parseLeaseToken(`${token}A`)).toBeNull();
    expect(parseLeaseToken(`${token}\n`)).toBeNull();
    fc.assert(fc.property(fc.string(), (text) => parseLeaseToken(text) === null));
  });
});
