import { settleWithin } from '../settle-within.ts';

/**
 * Longer than the timeout of a call to Meta, so that its response is still stored; shorter than a replica's shutdown
 * deadline. Longer work loses its connections and claims, as in a crash.
 */
const DRAIN_TIMEOUT_MS = 12_000;

/** Waits until all work settles or 12 s have passed since `stoppedAtMs` (a `performance.now()`). Never throws. */
export async function drainWithTimeout(work: Iterable<Promise<unknown>>, stoppedAtMs: number): Promise<void> {
  const leftMs = Math.max(0, stoppedAtMs + DRAIN_TIMEOUT_MS - performance.now());
  await settleWithin(Promise.allSettled(work), leftMs, undefined);
}
