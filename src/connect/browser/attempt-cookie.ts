import { HOUR_SECONDS } from '../../platform/duration.ts';
import { readCookies } from '../../platform/http-server/cookie-header.ts';

/** Outlives every attempt, so that a late browser is told "expired" rather than "another browser". */
const MAX_AGE_SECONDS = HOUR_SECONDS;
const PREFIX = 'metavault_connect_';
const ENDED = 'metavault_ended';
const ATTEMPT_NAME = /^[0-9a-f]{16}$/;
/** Never part of an attempt's value. */
const SEPARATOR = '~';

/** An attempt's cookie as a browser sent it. */
export interface AttemptCookie {
  name: string;
  value: string;
}

/** Tells a browser's attempts apart. Public: only the cookie's value is secret. */
export function attemptNameOf(stateHash: Buffer): string {
  return stateHash.toString('hex').slice(0, 16);
}

/**
 * Returns `Set-Cookie` for an attempt. Lax, so it is sent when Meta redirects back, but never with another site's POST.
 * Each attempt has its own cookie name: tabs of one browser must not overwrite each other's.
 */
export function serializeAttemptCookie(publicUrl: string, { name, value }: AttemptCookie): string {
  return serialize(publicUrl, PREFIX + name, value, MAX_AGE_SECONDS);
}

/** Returns `Set-Cookie` that deletes an attempt's cookie. */
export function expireAttemptCookie(publicUrl: string, name: string): string {
  return serialize(publicUrl, PREFIX + name, '', 0);
}

/** Returns `Set-Cookie` for the single cookie of ended attempts, which holds their cookies' values. */
export function serializeEndedCookie(publicUrl: string, values: readonly string[]): string {
  return serialize(publicUrl, ENDED, values.join(SEPARATOR), MAX_AGE_SECONDS);
}

/**
 * Returns the attempt cookies of a `Cookie` header in its order: browsers send the oldest first (RFC 6265, section
 * 5.4).
 */
export function readAttemptCookies(header: string | undefined, publicUrl: string): AttemptCookie[] {
  const prefix = hostPrefix(publicUrl) + PREFIX;
  return readCookies(header).flatMap(([cookieName, value]) => {
    const name = cookieName.slice(prefix.length);
    return cookieName.startsWith(prefix) && ATTEMPT_NAME.test(name) ? [{ name, value }] : [];
  });
}

/** Returns the values in the cookie of ended attempts, unverified. */
export function readEndedCookie(header: string | undefined, publicUrl: string): string[] {
  const value = readCookies(header).find(([name]) => name === hostPrefix(publicUrl) + ENDED)?.[1] ?? '';
  return value === '' ? [] : value.split(SEPARATOR);
}

function serialize(publicUrl: string, name: string, value: string, maxAge: number): string {
  const secure = publicUrl.startsWith('https:') ? '; Secure' : '';
  return `${hostPrefix(publicUrl)}${name}=${value}; Path=/; Max-Age=${maxAge}; HttpOnly; SameSite=Lax${secure}`;
}

/** `__Host-`: no other host, subdomain or plain-HTTP page can set it (RFC 6265bis, section 4.1.3). */
function hostPrefix(publicUrl: string): string {
  return publicUrl.startsWith('https:') ? '__Host-' : '';
}
