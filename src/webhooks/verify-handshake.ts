import { createHash, timingSafeEqual } from 'node:crypto';
import type { SecretString } from '../platform/secret-string.ts';

/**
 * Meta's challenges are digits (docs/meta-facts.md#subscribing-an-app). Never echo anything a browser could take for
 * markup.
 */
const CHALLENGE = /^[A-Za-z0-9._~-]{1,256}$/;

/** The challenge to return; null if this is not a handshake with our verify token. */
export function verifyHandshake(query: Readonly<Record<string, unknown>>, token: SecretString | null): string | null {
  const { 'hub.mode': mode, 'hub.verify_token': providedToken, 'hub.challenge': challenge } = query;
  if (token === null || typeof providedToken !== 'string' || typeof challenge !== 'string') return null;
  const isTokenValid = timingSafeEqual(digest(providedToken), digest(token.expose()));
  return isTokenValid && mode === 'subscribe' && CHALLENGE.test(challenge) ? challenge : null;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
