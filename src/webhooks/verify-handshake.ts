import { createHash, timingSafeEqual } from 'node:crypto';
import type { SecretString } from '../platform/secret-string.ts';

/** Meta's are digits (META.md 15). Nothing that a browser could take for markup is ever sent back. */
const CHALLENGE = /^[A-Za-z0-9._~-]{1,256}$/;

/** The challenge to return, or null where this is no handshake with our verify token. */
export function verifyHandshake(query: Readonly<Record<string, unknown>>, token: SecretString | null): string | null {
  const { 'hub.mode': mode, 'hub.verify_token': providedToken, 'hub.challenge': challenge } = query;
  if (token === null || typeof providedToken !== 'string' || typeof challenge !== 'string') return null;
  const isTokenValid = timingSafeEqual(digest(providedToken), digest(token.expose()));
  return isTokenValid && mode === 'subscribe' && CHALLENGE.test(challenge) ? challenge : null;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
