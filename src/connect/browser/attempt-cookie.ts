import { HOUR_SECONDS } from '../../platform/duration.ts';

/** Longer than any attempt lives, so that a late browser gets "expired", not "another browser". */
const MAX_AGE_SECONDS = HOUR_SECONDS;
const PREFIX = 'metavault_connect_';

function prefix(publicUrl: string): string {
  // __Host-: no other host, subdomain or plain-http page can set it (RFC 6265bis 4.1.3).
  return publicUrl.startsWith('https:') ? `__Host-${PREFIX}` : PREFIX;
}

/** Each attempt has a cookie with a name of its own, so that two tabs of one browser do not take each other's away. */
function cookieName(publicUrl: string, stateHash: Buffer): string {
  return `${prefix(publicUrl)}${attemptNameOf(stateHash)}`;
}

/** Distinguishes a browser's attempts. Not a secret: the cookie's value is. */
export function attemptNameOf(stateHash: Buffer): string {
  return stateHash.toString('hex').slice(0, 16);
}

/** `Set-Cookie` for the browser of an attempt. Lax: it comes along when Meta sends the browser back, and on no foreign POST. */
export function serializeAttemptCookie(publicUrl: string, stateHash: Buffer, value: string): string {
  const secure = publicUrl.startsWith('https:') ? '; Secure' : '';
  return `${cookieName(publicUrl, stateHash)}=${value}; Path=/; Max-Age=${MAX_AGE_SECONDS}; HttpOnly; SameSite=Lax${secure}`;
}

/** The value of an attempt's cookie in a `Cookie` header; null where the browser has none. */
export function readAttemptCookie(header: string | undefined, publicUrl: string, stateHash: Buffer): string | null {
  const name = cookieName(publicUrl, stateHash);
  return cookies(header).find(([each]) => each === name)?.[1] ?? null;
}

/** The values of all attempts' cookies in a `Cookie` header, or of the one attempt that is named. */
export function readAttemptCookies(
  header: string | undefined,
  publicUrl: string,
  attempt: string | null = null,
): string[] {
  const wanted = prefix(publicUrl) + (attempt ?? '');
  return cookies(header)
    .filter(([name]) => (attempt === null ? name.startsWith(wanted) : name === wanted))
    .map(([, value]) => value);
}

function cookies(header: string | undefined): [string, string][] {
  return (header ?? '').split(';').flatMap((pair): [string, string][] => {
    const at = pair.indexOf('=');
    return at < 0 ? [] : [[pair.slice(0, at).trim(), pair.slice(at + 1).trim()]];
  });
}
