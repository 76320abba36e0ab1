import type { Role, SignInMethod } from '../../auth/authenticated-client.ts';
import type { ClientId, SessionId } from '../../auth/ids.ts';
import { HOUR_SECONDS } from '../../platform/duration.ts';

/** Maximum lifetime of a session. */
export const MAX_SESSION_SECONDS = 12 * HOUR_SECONDS;
/** A session ends if it is unused for this long. */
export const MAX_IDLE_SECONDS = 30 * 60;

/** A row of `console_session`. */
export interface ConsoleSessionRow {
  id: SessionId;
  /** Keyed hash of the cookie's value. */
  hash: Buffer;
  method: SignInMethod;
  /** The client's id, the link's id, or the issuer's `sub`. */
  subject: string;
  name: string;
  /** As of the sign-in, like `tenants`. If there is a `client_id`, that client's current ones apply. */
  role: Role;
  tenants: string[];
  /** The client without which the session ends. */
  client_id: ClientId | null;
  /** Of the key without which the session ends. */
  key_hash: Buffer | null;
  created_at: Date;
  authenticated_at: Date | null;
  /** Accurate to a minute. */
  last_seen_at: Date;
  expires_at: Date;
  ended_at: Date | null;
}

export type StoredConsoleSessionRow = ConsoleSessionRow & { mac: Buffer | null };

/** When the session ends if it is not used again. */
export function idleExpiryOf({ last_seen_at: seen, expires_at: expires }: ConsoleSessionRow): Date {
  return new Date(Math.min(seen.getTime() + MAX_IDLE_SECONDS * 1_000, expires.getTime()));
}

export function isLive(session: ConsoleSessionRow, now: Date): boolean {
  return session.ended_at === null && idleExpiryOf(session) > now;
}
