import { Inject, Injectable } from '@nestjs/common';
import { Gauge, Registry } from 'prom-client';
import { Clock } from '../../platform/clock.ts';
import type { BackgroundJob } from '../../platform/jobs/background-job.ts';
import { JobScheduler } from '../../platform/jobs/job-scheduler.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { Database } from '../database.ts';
import { LastKnown } from '../last-known.ts';
import { listPartitions, makePartition, type PartitionedTable } from './partition.repository.ts';
import { findMissingRanges, type Partition } from './partition-plan.ts';

const INTERVAL_MS = 600_000;

export interface PartitionedTableOptions {
  /** Days that a new partition spans. Statements lock every existing partition, so there should be few. */
  days: number;
  /** Ids of partitions that end before this instant may be dropped. Absent: none are. */
  droppedUntil?: () => Date;
  /** Drops the partition that ends at an instant; false if another replica is doing so. */
  drop?: (until: Date) => Promise<boolean>;
}

/**
 * Creates partitions ahead of their first rows, and drops those past their retention. If creating one fails, its rows
 * go to the default partition, and move from there once it is created.
 */
@Injectable()
export class PartitionService {
  readonly #tables = new Map<PartitionedTable, PartitionedTableOptions>();
  readonly #job: BackgroundJob;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Pino,
    registry: Registry,
    jobs: JobScheduler,
  ) {
    const ends = new LastKnown(() => this.readEnds(), []);
    const now = (): number => clock.now().getTime();
    new Gauge({
      name: 'metavault_partitions_ahead_seconds',
      help: 'Time until the last partition of a table ends, as last read; later rows go to its default partition',
      labelNames: ['table'],
      registers: [registry],
      async collect(): Promise<void> {
        for (const { table, until } of await ends.get()) this.set({ table }, (until - now()) / 1_000);
      },
    });
    this.#job = jobs.register({
      name: 'partitions',
      schedule: { everyMs: INTERVAL_MS },
      run: (signal) => this.maintain(signal),
    });
  }

  /** Manages the partitions of a table. */
  register(table: PartitionedTable, options: PartitionedTableOptions): void {
    this.#tables.set(table, options);
  }

  /** Runs once, now. */
  runOnce(): Promise<void> {
    return this.#job.runOnce();
  }

  /** All partitions of a table except the default one, oldest first. */
  list(table: PartitionedTable): Promise<Partition[]> {
    return listPartitions(this.database, table);
  }

  /** Continues with the other tables if one fails, for instance because a dump keeps it locked. */
  private async maintain(signal: AbortSignal): Promise<void> {
    const failures: unknown[] = [];
    for (const [table, options] of this.#tables) {
      if (signal.aborted) break;
      await this.maintainTable(table, options).catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  }

  private async maintainTable(table: PartitionedTable, options: PartitionedTableOptions): Promise<void> {
    const partitions = await this.list(table);
    await this.makeAhead(table, options, partitions);
    await this.dropExpired(table, options, partitions);
  }

  private async makeAhead(
    table: PartitionedTable,
    { days }: PartitionedTableOptions,
    partitions: readonly Partition[],
  ): Promise<void> {
    for (const range of findMissingRanges(partitions, this.clock.now(), days)) {
      const outcome = await makePartition(this.database.longRunning, table, range);
      if (outcome === 'made') this.logger.info({ table, ...range }, 'made a partition');
      if (outcome === 'crowded')
        this.logger.error({ table, ...range }, 'rows stay in the default partition: too many to move');
    }
  }

  private async dropExpired(
    table: PartitionedTable,
    { droppedUntil, drop }: PartitionedTableOptions,
    partitions: readonly Partition[],
  ): Promise<void> {
    if (droppedUntil === undefined || drop === undefined) return;
    const limit = droppedUntil();
    for (const { name, until } of partitions.filter((partition) => partition.until <= limit)) {
      if (await drop(until)) this.logger.info({ table, partition: name }, 'dropped a partition past its retention');
    }
  }

  private async readEnds(): Promise<{ table: PartitionedTable; until: number }[]> {
    const ends: { table: PartitionedTable; until: number }[] = [];
    for (const table of this.#tables.keys()) {
      const last = (await this.list(table)).at(-1);
      if (last !== undefined) ends.push({ table, until: last.until.getTime() });
    }
    return ends;
  }
}
