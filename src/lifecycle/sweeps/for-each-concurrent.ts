import { setImmediate } from 'node:timers/promises';

export interface WorkSource<T> {
  /**
   * Returns up to `limit` items, none when nothing is left. `isIdle`: no item is being processed, so the run ends if
   * none are returned.
   */
  next(limit: number, isIdle: boolean): Promise<T[]>;
  /** Current limit of concurrent items, asked before each draw; 0 ends the run. */
  concurrency(): Promise<number>;
  /** Must not throw. */
  work(item: T): Promise<void>;
}

/**
 * Processes as many items concurrently as allowed, drawn in small batches so that memory use stays flat. Resolves once
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
      // Lets work that ends at the same time, as members of one batch do, be replaced in one draw.
      await setImmediate();
    }
  } finally {
    await Promise.all(running);
  }
}
