import { Clock } from '../platform/clock.ts';
import type { Database } from './database.ts';
import { selectClock } from './database-clock.query.ts';

/**
 * The database's time without a query per read, so that replicas with wrong clocks agree. Advances by this process's
 * monotonic timer between synchronizations, unaffected by jumps of the local clock.
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

  /** Reads the database's time and adds half of the round trip. Called at startup and by `ReplicaSyncJob`. */
  async synchronize(): Promise<void> {
    const before = performance.now();
    const [row] = await this.database.rows(selectClock({}));
    const after = performance.now();
    this.#epochMs = (row?.ms ?? Number.NaN) + (after - before) / 2;
    this.#readAtMs = after;
  }

  /** Returns how far this machine's clock is ahead of the database's, in milliseconds. */
  localSkewMs(): number {
    return this.local.now().getTime() - this.now().getTime();
  }
}
