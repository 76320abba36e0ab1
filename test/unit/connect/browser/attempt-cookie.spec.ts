import { describe, expect, it } from '@jest/globals';
import {
  attemptNameOf,
  readAttemptCookie,
  readAttemptCookies,
  serializeAttemptCookie,
} from '../../../../src/connect/browser/attempt-cookie.ts';

const HASH = Buffer.alloc(32, 0xab);
const OTHER = Buffer.alloc(32, 0xcd);

describe("an attempt's cookie", () => {
  it('is bound to the host and to TLS where there is TLS', () => {
    const cookie = serializeAttemptCookie('https://vault.example', HASH, 'value');
    expect(cookie).toBe(
      '__Host-metavault_connect_abababababababab=value; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax; Secure',
    );
    expect(cookie).not.toMatch(/domain/i);
    expect(serializeAttemptCookie('http://localhost:3000', HASH, 'value')).not.toMatch(/Secure|__Host-/);
  });

  it('is found among others, by the state that it belongs to', () => {
    const header = `a=b; metavault_connect_cdcdcdcdcdcdcdcd=other ;metavault_connect_abababababababab=mine; broken`;
    expect(readAttemptCookie(header, 'http://localhost', HASH)).toBe('mine');
    expect(readAttemptCookie(header, 'http://localhost', OTHER)).toBe('other');
    expect(readAttemptCookies(header, 'http://localhost')).toEqual(['other', 'mine']);
    expect(readAttemptCookies(header, 'http://localhost', attemptNameOf(HASH))).toEqual(['mine']);
    expect(readAttemptCookies(header, 'http://localhost', attemptNameOf(Buffer.alloc(32)))).toEqual([]);
  });

  it('of a plain-http page counts for nothing where there is TLS', () => {
    expect(readAttemptCookie('metavault_connect_abababababababab=planted', 'https://vault.example', HASH)).toBeNull();
    expect(readAttemptCookie(undefined, 'https://vault.example', HASH)).toBeNull();
  });
});
