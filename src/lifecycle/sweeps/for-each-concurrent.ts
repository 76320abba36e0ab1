/** Where work comes from: `next(most)` gives up to `most` pieces, none when nothing is left. */
export interface WorkSource<T> {
  next(limit: number): Promise<T[]>;
  /** How many may be under way now; 0 ends the run. Asked before each draw. */
  concurrency(): Promise<number>;
  /** Must not throw. */
  work(item: T): Promise<void>;
}

/**
 * Keeps as many pieces under way as allowed, drawing in small batches, so that memory does not grow with what is due. Resolves when
 * nothing is left, or not allowed any more, and all that was begun has ended. A throw of `next` ends it after what was begun.
 */
export async function forEachConcurrent<T>(source: WorkSource<T>): Promise<void> {
  const running = new Set<Promise<void>>();
  try {
    for (;;) {
      const allowed = await source.concurrency();
      if (allowed === 0) return;
      const free = allowed - running.size;
      // Draw when a quarter is free: a claim for each piece alone would be a statement for each.
      if (free > 0 && free * 4 >= allowed) {
        const items = await source.next(free);
        for (const item of items) {
          const work = source.work(item).finally(() => running.delete(work));
          running.add(work);
        }
        if (items.length === 0 && running.size === 0) return;
        if (items.length > 0 && running.size < allowed) continue;
      }
      if (running.size > 0) await Promise.race(running);
    }
  } finally {
    await Promise.all(running);
  }
}
