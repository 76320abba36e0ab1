import { settleWithin } from '../settle-within.ts';

/**
 * Longer than Meta has for one response, so that what it returns is still stored; shorter than what a replica has to stop in. Work that
 * takes longer loses its connections, and its claims run out, as after a crash.
 */
const DRAIN_TIMEOUT_MS = 12_000;

/** Waits for work to end, well or badly, for as long as is left since the stop at `stoppedAtMs` (of `performance.now()`). Never throws. */
export async function drainWithTimeout(work: Iterable<Promise<unknown>>, stoppedAtMs: number): Promise<void> {
  const leftMs = Math.max(0, stoppedAtMs + DRAIN_TIMEOUT_MS - performance.now());
  await settleWithin(Promise.allSettled(work), leftMs, undefined);
}
