import { HOUR_SECONDS } from '../../platform/duration.ts';

/** Longer than any attempt lives, so that a late browser gets "expired", not "another browser". */
const MAX_AGE_SECONDS = HOUR_SECONDS;
const PREFIX = 'metavault_connect_';
const ENDED = 'metavault_ended';
const ATTEMPT_NAME = /^[0-9a-f]{16}$/;
/** Part of no attempt's value. */
const SEPARATOR = '~';

/** A cookie of an attempt, as a browser sent it. */
export interface AttemptCookie {
  /** The attempt's name. */
  name: string;
  value: string;
}

/** Distinguishes a browser's attempts. Not a secret: the cookie's value is. */
export function attemptNameOf(stateHash: Buffer): string {
  return stateHash.toString('hex').slice(0, 16);
}

/**
 * `Set-Cookie` for the browser of an attempt. Lax: it comes along when Meta sends the browser back, and on no foreign POST. Each attempt has
 * a cookie with a name of its own, so that two tabs of one browser do not take each other's away.
 */
export function serializeAttemptCookie(publicUrl: string, { name, value }: AttemptCookie): string {
  return serialize(publicUrl, PREFIX + name, value, MAX_AGE_SECONDS);
}

/** `Set-Cookie` that takes an attempt's cookie away. */
export function expireAttemptCookie(publicUrl: string, name: string): string {
  return serialize(publicUrl, PREFIX + name, '', 0);
}

/** `Set-Cookie` for the one cookie of the attempts that are over: what their cookies held. */
export function serializeEndedCookie(publicUrl: string, values: readonly string[]): string {
  return serialize(publicUrl, ENDED, values.join(SEPARATOR), MAX_AGE_SECONDS);
}

/** The cookies of all attempts in a `Cookie` header, in its order: browsers send the oldest first (RFC 6265 5.4). */
export function readAttemptCookies(header: string | undefined, publicUrl: string): AttemptCookie[] {
  const prefix = hostPrefix(publicUrl) + PREFIX;
  return cookies(header).flatMap(([cookieName, value]) => {
    const name = cookieName.slice(prefix.length);
    return cookieName.startsWith(prefix) && ATTEMPT_NAME.test(name) ? [{ name, value }] : [];
  });
}

/** What the cookie of the attempts that are over holds, as it was given. */
export function readEndedCookie(header: string | undefined, publicUrl: string): string[] {
  const value = cookies(header).find(([name]) => name === hostPrefix(publicUrl) + ENDED)?.[1] ?? '';
  return value === '' ? [] : value.split(SEPARATOR);
}

function serialize(publicUrl: string, name: string, value: string, maxAge: number): string {
  const secure = publicUrl.startsWith('https:') ? '; Secure' : '';
  return `${hostPrefix(publicUrl)}${name}=${value}; Path=/; Max-Age=${maxAge}; HttpOnly; SameSite=Lax${secure}`;
}

/** `__Host-`: no other host, subdomain or plain-http page can set it (RFC 6265bis 4.1.3). */
function hostPrefix(publicUrl: string): string {
  return publicUrl.startsWith('https:') ? '__Host-' : '';
}

function cookies(header: string | undefined): [string, string][] {
  return (header ?? '').split(';').flatMap((pair): [string, string][] => {
    const at = pair.indexOf('=');
    return at < 0 ? [] : [[pair.slice(0, at).trim(), pair.slice(at + 1).trim()]];
  });
}
