import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.ts';
import { Database } from '../database/database.ts';
import { PartitionService } from '../database/partitions/partition.service.ts';
import { findSpansKeptByRow } from '../database/partitions/partition-plan.ts';
import { RetentionService } from '../database/retention.service.ts';
import { addSeconds, Clock } from '../platform/clock.ts';
import { DAY_SECONDS } from '../platform/duration.ts';
import { firstIdAt } from '../platform/ids.ts';
import { deleteExpiredLeases, dropLeasePartition } from './lease-retention.repository.ts';

/** A retention period spans about this many partitions. */
const PARTITIONS_PER_RETENTION = 4;
/** Latest end of a lease after the creation of its id: an hour, plus more than clocks differ. */
const LONGEST_LEASE_SECONDS = DAY_SECONDS;

/**
 * Removes leases that ended more than RETENTION_DAYS ago, one partition at a time, so its newest leases were kept that
 * long and its oldest a quarter longer. Leases outside of such partitions are deleted row by row. Audit entries stay.
 */
@Injectable()
export class LeaseRetention {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly partitions: PartitionService,
    retention: RetentionService,
    { retentionDays }: Config,
  ) {
    retention.register('ended leases', (endedBefore, limit) => this.purge(endedBefore, limit));
    partitions.register('lease', {
      days: Math.ceil(retentionDays / PARTITIONS_PER_RETENTION),
      droppedUntil: () => addSeconds(this.clock.now(), -(retentionDays * DAY_SECONDS + LONGEST_LEASE_SECONDS)),
      drop: (until) => dropLeasePartition(this.database.longRunning, until),
    });
  }

  /**
   * Deletes up to `limit` leases that ended before `endedBefore`, outside partitions to be dropped. Returns how many.
   */
  async purge(endedBefore: Date, limit: number): Promise<number> {
    for (const { from, until } of findSpansKeptByRow(await this.partitions.list('lease'))) {
      if (from !== null && from >= endedBefore) break;
      const removed = await deleteExpiredLeases(this.database, {
        from: from === null ? '' : firstIdAt('lse', from),
        before: firstIdAt('lse', until < endedBefore ? until : endedBefore),
        expiredBefore: endedBefore,
        limit,
      });
      if (removed > 0) return removed;
    }
    return 0;
  }
}
