import { isChecksummedToken } from '../../auth/credentials/checksummed-token.ts';
import { readCookies } from '../../platform/http-server/cookie-header.ts';
import { MAX_SESSION_SECONDS } from './console-session.ts';

/** `__Host-`: no other host, subdomain or plain-HTTP page can set it (RFC 6265bis, section 4.1.3). */
const NAME = '__Host-metavault_console';
/** Prefix of the value, by which secret scanners find it. */
export const SESSION_TOKEN_PREFIX = 'mcs';

/** Never sent with another site's requests, nor readable by scripts. Browsers treat loopback as secure. */
const ATTRIBUTES = 'Path=/; HttpOnly; Secure; SameSite=Strict';

/** Returns the well-formed session token of a `Cookie` header; null without one. */
export function readSessionCookie(header: string | undefined): string | null {
  const found = readCookies(header).find(
    ([name, value]) => name === NAME && isChecksummedToken(SESSION_TOKEN_PREFIX, value),
  );
  return found?.[1] ?? null;
}

/** Returns `Set-Cookie` for a new session. */
export function serializeSessionCookie(token: string): string {
  return `${NAME}=${token}; Max-Age=${MAX_SESSION_SECONDS}; ${ATTRIBUTES}`;
}

/** Returns `Set-Cookie` that deletes the cookie. */
export function expireSessionCookie(): string {
  return `${NAME}=; Max-Age=0; ${ATTRIBUTES}`;
}
