import { addSeconds } from '../../platform/clock.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';

/** Ids from `from` (inclusive) to `until` (exclusive), by the time in them. */
export interface PartitionRange {
  from: Date;
  until: Date;
}

/** `from` null: all ids before `until`, which is how the rows of before partitions are one. */
export interface Partition {
  name: string;
  from: Date | null;
  until: Date;
}

/** How far ahead partitions reach at least: how long making them may fail before rows go to the default partition. */
const AHEAD_SECONDS = 3 * DAY_SECONDS;

/** The partitions that are missing until three days from `now`, of `days` each. */
export function findMissingRanges(partitions: readonly Partition[], now: Date, days: number): PartitionRange[] {
  const today = now.getTime() - (now.getTime() % (DAY_SECONDS * 1_000));
  const missing: PartitionRange[] = [];
  // After a long stop, the days in between stay without one: nothing was written then.
  let from = new Date(Math.max(today, partitions.at(-1)?.until.getTime() ?? 0));
  while (from < addSeconds(now, AHEAD_SECONDS)) {
    const until = addSeconds(from, days * DAY_SECONDS);
    missing.push({ from, until });
    from = until;
  }
  return missing;
}

/**
 * The spans whose rows have no partition that is dropped as a whole: those of before partitions, and gaps. `from` null:
 * from the first id.
 */
export function findSpansKeptByRow(partitions: readonly Partition[]): { from: Date | null; until: Date }[] {
  const spans: { from: Date | null; until: Date }[] = [];
  let from: Date | null = null;
  for (const partition of partitions) {
    const until = partition.from ?? partition.until;
    if (from === null || from < until) spans.push({ from, until });
    from = partition.until;
  }
  return spans;
}
