import { addSeconds } from '../../platform/clock.ts';
import { DAY_SECONDS, HOUR_SECONDS } from '../../platform/duration.ts';
import type { KindSynchronization, PhoneSynchronization, SynchronizationKind } from '../connection/asset-details.ts';

/** In the order in which Meta wants them requested. */
export const SYNCHRONIZATION_KINDS: readonly SynchronizationKind[] = ['contacts', 'history'];

/** Meta takes requests for this long after the signup (docs/meta-facts.md). */
const WINDOW_SECONDS = DAY_SECONDS;
/** Longer than two calls to Meta take, each with its repeats. */
const OUTCOME_UNKNOWN_SECONDS = 5 * 60;
/** How long before its end the window is announced. */
export const NOTICE_SECONDS = 4 * HOUR_SECONDS;

/** Nothing is requested yet. `signedUpAt` null: not known, so there is no deadline of ours. */
export function startSynchronization(signedUpAt: Date | null): PhoneSynchronization {
  return {
    deadline_at: signedUpAt === null ? null : addSeconds(signedUpAt, WINDOW_SECONDS).toISOString(),
    contacts: { status: 'not_requested' },
    history: { status: 'not_requested' },
  };
}

/** Whether the day in which Meta takes requests is over. */
export function isWindowClosed({ deadline_at: deadlineAt }: PhoneSynchronization, now: Date): boolean {
  return deadlineAt !== null && new Date(deadlineAt) <= now;
}

/**
 * Whether a kind may be requested: it was not, or that failed, or nobody heard how it ended and the one who asked has had time to. Meta
 * itself takes each kind only once, so asking again does no harm.
 */
export function isRequestable({ status, outcome, at }: KindSynchronization, now: Date): boolean {
  if (status !== 'requested') return true;
  return outcome === 'unknown' && at !== undefined && addSeconds(new Date(at), OUTCOME_UNKNOWN_SECONDS) <= now;
}

/** A kind as it stands from just before Meta is asked until its response is stored. */
export function claimedKind(now: Date): KindSynchronization {
  const retryAt = addSeconds(now, OUTCOME_UNKNOWN_SECONDS).toISOString();
  return {
    status: 'requested',
    at: now.toISOString(),
    outcome: 'unknown',
    detail: 'Meta was asked, and its response is not known (yet).',
    remedy: `Look again in a moment. Where it is still unknown after ${retryAt}, request it again: Meta takes each request only once.`,
  };
}

/** The kinds that a user loses unless they are requested before the deadline. */
export function openKinds(synchronization: PhoneSynchronization, now: Date): SynchronizationKind[] {
  return SYNCHRONIZATION_KINDS.filter((kind) => isRequestable(synchronization[kind], now));
}
