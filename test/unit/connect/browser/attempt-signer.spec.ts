import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { AttemptSigner } from '../../../../src/connect/browser/attempt-signer.ts';
import { ConnectSecrets } from '../../../../src/connect/sessions/connect-secrets.ts';
import { SystemRandom } from '../../../../src/platform/random.ts';
import type { KeyRing } from '../../../../src/vault/keys/key-ring.ts';

const withKey = (key: string): AttemptSigner => {
  const blindIndex = (value: string): Buffer => createHmac('sha256', key).update(value).digest();
  return new AttemptSigner(new ConnectSecrets(new SystemRandom(), { blindIndex } as unknown as KeyRing));
};
const SIGNER = withKey('ours');
const OPENED = {
  stateHash: Buffer.alloc(32, 0xab),
  sessionId: 'cns_01jd0000000000000000000000',
  openedAt: new Date('2026-11-22T12:00:00.123Z'),
  expiresAt: new Date('2026-11-22T12:10:00.123Z'),
  inPopup: false,
} as const;
const VALUE = SIGNER.sign(OPENED).value;

describe("the value of an attempt's cookie", () => {
  it('returns the attempt as it was opened, and is deterministic', () => {
    expect(SIGNER.verify(VALUE)).toEqual({ ...OPENED, cookieHash: expect.any(Buffer) });
    expect(SIGNER.verify(VALUE)).toEqual(SIGNER.sign(OPENED).attempt);
    expect(SIGNER.sign(OPENED).value).toBe(VALUE);
    // Valid as a cookie value (RFC 6265, section 4.1.1), and short: each request carries ten.
    expect(VALUE).toMatch(/^[\w.-]{1,160}$/);
  });

  it('says whether the link was opened in a pop-up', () => {
    const { value, attempt } = SIGNER.sign({ ...OPENED, inPopup: true });
    expect(SIGNER.verify(value)).toEqual(attempt);
    expect(attempt.inPopup).toBe(true);
    expect(value).toMatch(/^[\w.-]{1,160}$/);
  });

  it.each<[string, Partial<typeof OPENED> | Record<string, unknown>]>([
    ['state', { stateHash: Buffer.alloc(32, 0xac) }],
    ['session', { sessionId: 'cns_01jd0000000000000000000001' }],
    ['opening', { openedAt: new Date('2026-11-22T12:00:00.124Z') }],
    ['end', { expiresAt: new Date('2026-11-22T13:10:00.123Z') }],
    ['window', { inPopup: true }],
  ])('is valid for no other %s', (_, other) => {
    const [mac] = VALUE.split('.').slice(-1);
    const forged = SIGNER.sign({ ...OPENED, ...other } as typeof OPENED).value.replace(/[^.]+$/, mac ?? '');
    expect(forged).not.toBe(VALUE);
    expect(SIGNER.verify(forged)).toBeNull();
  });

  it('is valid only unchanged, byte for byte, and under our key', () => {
    expect(withKey('theirs').verify(VALUE)).toBeNull();
    for (let at = 0; at < VALUE.length; at++) {
      const changed = VALUE[at] === 'A' ? 'B' : 'A';
      expect(SIGNER.verify(VALUE.slice(0, at) + changed + VALUE.slice(at + 1))).toBeNull();
    }
    for (const value of ['', '.', VALUE.slice(0, -1), `${VALUE}A`, ` ${VALUE}`, `${VALUE}.`, 'x'.repeat(43)])
      expect(SIGNER.verify(value)).toBeNull();
  });
});
