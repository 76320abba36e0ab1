import { addSeconds } from '../../platform/clock.ts';
import { DAY_SECONDS, HOUR_SECONDS } from '../../platform/duration.ts';
import {
  type KindSynchronization,
  type PhoneSynchronization,
  SYNCHRONIZATION_KINDS,
  type SynchronizationKind,
} from '../connection/asset-details.ts';

/** Meta accepts requests for this long after the signup (docs/meta-facts.md#synchronizing-once-within-a-day). */
const WINDOW_SECONDS = DAY_SECONDS;
/** Longer than two calls to Meta with all retries. */
const OUTCOME_UNKNOWN_SECONDS = 5 * 60;
/** How long before its end a window is announced. */
export const NOTICE_SECONDS = 4 * HOUR_SECONDS;

/** Initial state. `signedUpAt` null: unknown, so we set no deadline. */
export function startSynchronization(signedUpAt: Date | null): PhoneSynchronization {
  return {
    deadline_at: signedUpAt === null ? null : addSeconds(signedUpAt, WINDOW_SECONDS).toISOString(),
    contacts: { status: 'not_requested' },
    history: { status: 'not_requested' },
  };
}

/** Whether the day in which Meta accepts requests is over. */
export function isWindowClosed({ deadline_at: deadlineAt }: PhoneSynchronization, now: Date): boolean {
  return deadlineAt !== null && new Date(deadlineAt) <= now;
}

/**
 * Whether a kind may be requested: never requested, failed, or still of unknown outcome after enough time for its
 * requester. Asking again is harmless, because Meta accepts each kind only once.
 */
export function isRequestable({ status, outcome, at }: KindSynchronization, now: Date): boolean {
  if (status !== 'requested') return true;
  return outcome === 'unknown' && at !== undefined && addSeconds(new Date(at), OUTCOME_UNKNOWN_SECONDS) <= now;
}

/** A kind's state from just before Meta is asked until the response is stored. */
export function claimedKind(now: Date): KindSynchronization {
  const retryAt = addSeconds(now, OUTCOME_UNKNOWN_SECONDS).toISOString();
  return {
    status: 'requested',
    at: now.toISOString(),
    outcome: 'unknown',
    detail: 'Meta was asked, but its response is not known yet.',
    remedy: `Check again in a moment. If still unknown after ${retryAt}, request it again: Meta accepts each request only once.`,
  };
}

/** Kinds that are lost unless requested before the deadline. */
export function openKinds(synchronization: PhoneSynchronization, now: Date): SynchronizationKind[] {
  return SYNCHRONIZATION_KINDS.filter((kind) => isRequestable(synchronization[kind], now));
}
