import { addSeconds } from '../../platform/clock.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';

/** Ids from `from` (inclusive) to `until` (exclusive), by the time in them. */
export interface PartitionRange {
  from: Date;
  until: Date;
}

/** `from` null: all ids before `until`. Rows from before the table was partitioned form one such partition. */
export interface Partition {
  name: string;
  from: Date | null;
  until: Date;
}

/** How far ahead partitions exist at least: how long creating them may fail before rows go to the default partition. */
const AHEAD_SECONDS = 3 * DAY_SECONDS;

/** Returns the ranges without a partition until three days from `now`, of `days` each. */
export function findMissingRanges(partitions: readonly Partition[], now: Date, days: number): PartitionRange[] {
  const today = now.getTime() - (now.getTime() % (DAY_SECONDS * 1_000));
  const missing: PartitionRange[] = [];
  // After a long outage, the days in between get none: nothing was written then.
  let from = new Date(Math.max(today, partitions.at(-1)?.until.getTime() ?? 0));
  while (from < addSeconds(now, AHEAD_SECONDS)) {
    const until = addSeconds(from, days * DAY_SECONDS);
    missing.push({ from, until });
    from = until;
  }
  return missing;
}

/**
 * The spans whose rows are in no partition that is dropped as a whole: those from before partitioning, and gaps. `from`
 * null: from the first id.
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
