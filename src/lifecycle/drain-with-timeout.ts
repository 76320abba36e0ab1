import { settleWithin } from '../platform/settle-within.ts';

/**
 * Longer than Meta has for one answer, so that what it gives is still stored; shorter than what a replica has to end in. What goes on
 * longer loses its connections, and its claims run out, as after a crash.
 */
const DRAIN_TIMEOUT_MS = 12_000;

/** Waits for work to end, well or badly, until the patience since `sinceMs` (of `performance.now()`) is over. Never throws. */
export async function drainWithTimeout(work: Iterable<Promise<unknown>>, sinceMs: number): Promise<void> {
  const left = Math.max(0, sinceMs + DRAIN_TIMEOUT_MS - performance.now());
  await settleWithin(Promise.allSettled(work), left, undefined);
}
