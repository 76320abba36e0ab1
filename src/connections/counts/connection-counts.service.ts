import { createHash } from 'node:crypto';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { Database } from '../../database/database.ts';
import { RetentionService } from '../../database/retention.service.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';
import { JobScheduler } from '../../platform/jobs/job-scheduler.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { settleWithin } from '../../platform/settle-within.ts';
import { SingleFlight } from '../../platform/single-flight.ts';
import {
  countConnectionsOf,
  deleteCountsKeptBefore,
  findKeptCounts,
  type KeptConnectionCounts,
  keepCounts,
  tryLockCounts,
} from './connection-count.repository.ts';

/** How many days ahead expiries are counted, in addition to today. */
const EXPIRY_DAYS = 60;
/** Counts this fresh are returned as they are. */
const MIN_AGE_MS = 2_000;
/** A count is redone after this many times its duration at the earliest, however many people read it. */
const REST_FACTOR = 50;
/** A reader waits this long for a new count, then gets the last one. */
const WAIT_MS = 150;
/** Recounts this often, so that the first reader after a quiet night does not see yesterday's counts. */
const INTERVAL_MS = 300_000;
const ALL_TENANTS = '';

/**
 * How many connections there are, by what people ask about. Each count reads all connections of its tenants (two
 * seconds for a million), so it is kept in the database for all replicas, with its age, and redone when somebody reads
 * it and it is old enough. Not maintained by triggers, which this schema does not have (`IS_INTERFERED_WITH`), nor by
 * the statements that change a connection, whose mistakes would stay forever.
 */
@Injectable()
export class ConnectionCountsService implements OnModuleInit {
  readonly #flights = new SingleFlight<KeptConnectionCounts | null>();

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly retention: RetentionService,
    @Inject(LOGGER) private readonly logger: Pino,
    jobs: JobScheduler,
  ) {
    jobs.register({
      name: 'connection-counts',
      schedule: { everyMs: INTERVAL_MS },
      run: async () => {
        await this.read(null);
      },
    });
  }

  onModuleInit(): void {
    this.retention.register('connection counts', (endedBefore, limit) =>
      deleteCountsKeptBefore(this.database, endedBefore, limit),
    );
  }

  /** The connections of these tenants (null: all), as last counted. Waits for a count only if there was none. */
  async read(tenants: readonly string[] | null): Promise<KeptConnectionCounts> {
    const scope = scopeOf(tenants);
    const kept = await findKeptCounts(this.database, scope);
    if (kept === null) return (await this.recount(scope, tenants)) ?? this.countNow(tenants);
    if (!this.isOld(kept)) return kept;
    const recounted = this.recount(scope, tenants).catch((error: unknown) => {
      this.logger.warn({ err: error }, 'connections could not be counted; the last count stands');
      return null;
    });
    return (await settleWithin(recounted, WAIT_MS, null)) ?? kept;
  }

  private isOld({ counted_at, duration_ms }: KeptConnectionCounts): boolean {
    const age = this.clock.now().getTime() - counted_at.getTime();
    return age >= Math.max(MIN_AGE_MS, REST_FACTOR * duration_ms);
  }

  /** Null: another replica is counting. */
  private recount(scope: string, tenants: readonly string[] | null): Promise<KeptConnectionCounts | null> {
    return this.#flights.run(scope, () =>
      this.database.longRunning.transaction(async (tx) => {
        if (!(await tryLockCounts(tx, scope))) return null;
        const counted = await this.count(this.database.longReads.orElse(tx), tenants);
        await keepCounts(tx, scope, counted);
        return counted;
      }),
    );
  }

  private countNow(tenants: readonly string[] | null): Promise<KeptConnectionCounts> {
    return this.count(this.database.longReads.orElse(this.database.longRunning), tenants);
  }

  private async count(
    executor: Parameters<typeof countConnectionsOf>[0],
    tenants: readonly string[] | null,
  ): Promise<KeptConnectionCounts> {
    const startedMs = performance.now();
    const now = this.clock.now();
    const from = new Date(`${now.toISOString().slice(0, 10)}T00:00:00Z`);
    const counts = await countConnectionsOf(executor, tenants, {
      from,
      until: addSeconds(from, (EXPIRY_DAYS + 1) * DAY_SECONDS),
    });
    return { counts, counted_at: now, duration_ms: Math.ceil(performance.now() - startedMs) };
  }
}

/** A hash, as a policy may name thousands of tenants. */
function scopeOf(tenants: readonly string[] | null): string {
  if (tenants === null) return ALL_TENANTS;
  return createHash('sha256')
    .update([...tenants].sort().join('\n'))
    .digest('base64url');
}
