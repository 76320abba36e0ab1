import { addSeconds } from '../../platform/clock.ts';
import type { ConnectErrorCode } from '../connect-problems.ts';
import type { ConnectSession } from '../connect-session.ts';

export const SESSION_STATUSES = ['open', 'connected', 'failed', 'expired', 'unfinished'] as const;
type SessionStatus = (typeof SESSION_STATUSES)[number];

/** What the browsers of a session are at. */
export interface SessionActivity {
  /** The browser that opened it last; null where none did. */
  newestAttempt: { expiresAt: Date; consumedAt: Date | null; error: ConnectErrorCode | null } | null;
  /** What the last attempt that failed ended on. */
  lastError: ConnectErrorCode | null;
  /** A token came that is no connection yet. */
  isPending: boolean;
}

/**
 * How a session stands: `open` while it may still be opened or a browser is at it, `failed` where the last one to open it failed (the link
 * may be opened again while it lives), `unfinished` where Meta has the signup and we have no code.
 */
export function sessionStatus(
  session: ConnectSession,
  { newestAttempt, lastError, isPending }: SessionActivity,
  { now, claimSeconds }: { now: Date; claimSeconds: number },
): { status: SessionStatus; error: ConnectErrorCode | null } {
  if (session.connectionId !== null) return { status: 'connected', error: null };
  if (session.unfinished !== null) return { status: 'unfinished', error: null };
  if (newestAttempt !== null && newestAttempt.error !== null) return { status: 'failed', error: newestAttempt.error };
  if (isPending || session.expiresAt > now || isUnderWay(newestAttempt, now, claimSeconds))
    return { status: 'open', error: null };
  return lastError === null ? { status: 'expired', error: null } : { status: 'failed', error: lastError };
}

/** A browser that may still come back, or whose code is being exchanged. */
function isUnderWay(attempt: SessionActivity['newestAttempt'], now: Date, claimSeconds: number): boolean {
  if (attempt === null) return false;
  return (attempt.consumedAt === null ? attempt.expiresAt : addSeconds(attempt.consumedAt, claimSeconds)) > now;
}
