import { setImmediate } from 'node:timers/promises';

export interface WorkSource<T> {
  /**
   * Returns up to `limit` items, none when nothing is left. `isIdle`: nothing is running, so that the run ends if there
   * are none.
   */
  next(limit: number, isIdle: boolean): Promise<T[]>;
  /** Current limit of concurrent items, asked before each draw; 0 ends the run. */
  concurrency(): Promise<number>;
  /** Must not throw. */
  work(item: T): Promise<void>;
}

/**
 * Processes as many items concurrently as allowed, drawn in small batches so that memory stays flat. Resolves once
 * nothing is left or allowed and all started items have ended. If `next` throws, rejects after the started items.
 */
export async function forEachConcurrent<T>(source: WorkSource<T>): Promise<void> {
  const running = new Set<Promise<void>>();
  try {
    for (;;) {
      const allowed = await source.concurrency();
      if (allowed === 0) return;
      const free = allowed - running.size;
      // Draw once a quarter is free: a statement per item would be too many.
      if (free > 0 && free * 4 >= allowed) {
        const items = await source.next(free, running.size === 0);
        for (const item of items) {
          const work = source.work(item).finally(() => running.delete(work));
          running.add(work);
        }
        if (items.length === 0 && running.size === 0) return;
        if (items.length > 0 && running.size < allowed) continue;
      }
      if (running.size > 0) await Promise.race(running);
      // What ends together, as members of one batch do, is drawn for together.
      await setImmediate();
    }
  } finally {
    await Promise.all(running);
  }
}
