import { Clock } from '../platform/clock.ts';
import type { Database } from './database.ts';
import { selectClock } from './database-clock.query.ts';

/**
 * The database's time without a query for each read: replicas with wrong clocks agree, because they all follow Postgres. Between two
 * synchronizations the monotonic timer of this process advances it, so a jump of the local clock changes nothing.
 */
export class DatabaseClock extends Clock {
  #epochMs: number;
  #readAtMs: number;

  private constructor(
    private readonly database: Database,
    private readonly local: Clock,
  ) {
    super();
    this.#epochMs = local.now().getTime();
    this.#readAtMs = performance.now();
  }

  static async start(database: Database, local: Clock): Promise<DatabaseClock> {
    const clock = new DatabaseClock(database, local);
    await clock.synchronize();
    return clock;
  }

  override now(): Date {
    return new Date(this.#epochMs + (performance.now() - this.#readAtMs));
  }

  /** Reads the database's time, assuming that half of the round trip was the way back. Called at the start and by `ReplicaSyncJob`. */
  async synchronize(): Promise<void> {
    const before = performance.now();
    const [row] = await this.database.rows(selectClock({}));
    const after = performance.now();
    this.#epochMs = (row?.ms ?? Number.NaN) + (after - before) / 2;
    this.#readAtMs = after;
  }

  /** How far the clock of this machine is ahead of the database's, in milliseconds. */
  localSkewMs(): number {
    return this.local.now().getTime() - this.now().getTime();
  }
}
