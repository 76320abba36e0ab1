import { addSeconds } from '../../platform/clock.ts';
import type { ConnectErrorCode } from '../connect-problems.ts';
import type { ConnectSession } from '../connect-session.ts';

export const SESSION_STATUSES = ['open', 'connected', 'failed', 'expired', 'unfinished'] as const;
export type SessionStatus = (typeof SESSION_STATUSES)[number];

/** What a session's browsers are doing. */
export interface SessionActivity {
  /** The browser that opened it last; null if none did. */
  newestAttempt: { expiresAt: Date; consumedAt: Date | null; error: ConnectErrorCode | null } | null;
  /** Error of the last failed attempt. */
  lastError: ConnectErrorCode | null;
  /** A token arrived that is not a connection yet. */
  isPending: boolean;
}

/**
 * `open`: may still be opened, or a browser is in the dialog. `failed`: the last browser failed (the link works while
 * it lives). `unfinished`: Meta has the signup, but we have no code.
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

/** The browser may still come back, or its code is being exchanged. */
function isUnderWay(attempt: SessionActivity['newestAttempt'], now: Date, claimSeconds: number): boolean {
  if (attempt === null) return false;
  return (attempt.consumedAt === null ? attempt.expiresAt : addSeconds(attempt.consumedAt, claimSeconds)) > now;
}
