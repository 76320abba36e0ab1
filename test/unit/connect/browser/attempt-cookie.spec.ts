import { describe, expect, it } from '@jest/globals';
import {
  attemptNameOf,
  expireAttemptCookie,
  readAttemptCookies,
  readEndedCookie,
  serializeAttemptCookie,
  serializeEndedCookie,
} from '../../../../src/connect/browser/attempt-cookie.ts';

const TLS = 'https://vault.example';
const PLAIN = 'http://localhost:3000';
const NAME = attemptNameOf(Buffer.alloc(32, 0xab));

describe("an attempt's cookie", () => {
  it('is bound to the host and to TLS if there is TLS', () => {
    const cookie = serializeAttemptCookie(TLS, { name: NAME, value: 'value' });
    expect(cookie).toBe(
      '__Host-metavault_connect_abababababababab=value; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax; Secure',
    );
    expect(cookie).not.toMatch(/domain/i);
    expect(serializeAttemptCookie(PLAIN, { name: NAME, value: 'value' })).not.toMatch(/Secure|__Host-/);
  });

  it('is deleted with the same name and attributes', () => {
    // Browsers ignore deletions of a __Host- cookie without Secure and Path=/.
    expect(expireAttemptCookie(TLS, NAME)).toBe(
      '__Host-metavault_connect_abababababababab=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure',
    );
  });

  it('is found among others, oldest first as browsers send them', () => {
    const header = `a=b; metavault_connect_cdcdcdcdcdcdcdcd=other ;metavault_connect_${NAME}=mine; broken`;
    expect(readAttemptCookies(header, PLAIN)).toEqual([
      { name: 'cdcdcdcdcdcdcdcd', value: 'other' },
      { name: NAME, value: 'mine' },
    ]);
    expect(readAttemptCookies('metavault_connect_x y=1; metavault_connect_=2', PLAIN)).toEqual([]);
  });

  it('is ignored if set without the __Host- prefix under TLS', () => {
    expect(readAttemptCookies(`metavault_connect_${NAME}=planted`, TLS)).toEqual([]);
    expect(readEndedCookie('metavault_ended=planted', TLS)).toEqual([]);
    expect(readAttemptCookies(undefined, TLS)).toEqual([]);
  });
});

describe('the cookie of ended attempts', () => {
  it('holds their values, with the same attributes', () => {
    const cookie = serializeEndedCookie(TLS, ['a.b', 'c.d']);
    expect(cookie).toBe('__Host-metavault_ended=a.b~c.d; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax; Secure');
    expect(readEndedCookie(`x=y; ${cookie.split(';')[0]}`, TLS)).toEqual(['a.b', 'c.d']);
    expect(readEndedCookie('x=y', TLS)).toEqual([]);
    expect(readAttemptCookies(cookie.split(';')[0], TLS)).toEqual([]);
  });
});
