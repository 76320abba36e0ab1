import { setTimeout as sleep } from 'node:timers/promises';
import type { QueryResultRow } from 'pg';
import { Batcher } from '../batcher.ts';
import type { ConnectionPool } from '../connection-pool.ts';
import type { DatabaseAvailability } from '../database-availability.ts';
import { ReadOnlyServerError } from '../servers/server-client.ts';
import type { SqlExecutor, SqlReader, Statement } from '../statement.ts';
import { type PrimaryPositionRow, selectPrimaryPosition, selectStandbyPosition } from './standby-position.query.ts';

/**
 * What answered a read. `current`: the standby. Otherwise the primary, because the standby was `behind` for longer than
 * a read waits, is `unfit` (takes writes, or follows another primary), or did not answer (`away`).
 */
export type ReadOutcome = 'current' | 'behind' | 'unfit' | 'away';

/** The primary's position when a read began. */
interface Position {
  written: bigint;
  timeline: string;
  system: string;
}

interface StandbyReadsOptions {
  /** Null: there is no standby to read from. */
  standby: ConnectionPool | null;
  /** How long a read waits for the standby to replay everything committed before the read began. */
  waitMs: number;
}

class StandbyNotUsedError extends Error {
  constructor(readonly outcome: ReadOutcome) {
    super(`the standby is ${outcome}`);
    this.name = 'StandbyNotUsedError';
  }
}

const LOOK_INTERVAL_MS = 5;
/** After trouble, reads avoid the standby for this long. */
const REST_MS = 1_000;

/**
 * Reads lists and counts from a standby if one is configured. A read sees everything committed before it began, by any
 * client on any replica: it asks the primary for its WAL position, and the standby must have replayed up to it.
 * Otherwise, and after any failure, it reads from the primary. So no answer is older than its request, and callers
 * always see their own changes.
 */
export class StandbyReads implements SqlReader {
  readonly #positions: Batcher<void, Position>;
  #restsUntilMs = Number.NEGATIVE_INFINITY;
  #restsBecause: ReadOutcome = 'away';
  #listener: (outcome: ReadOutcome, cause: unknown) => void = () => undefined;

  constructor(
    private readonly primary: SqlExecutor,
    private readonly availability: DatabaseAvailability,
    private readonly options: StandbyReadsOptions,
  ) {
    // One query answers all reads that arrived before it began.
    this.#positions = new Batcher((asked) => this.findPosition().then((position) => asked.map(() => position)), {
      maxSize: 1_000,
      maxInFlight: 2,
    });
  }

  get isConfigured(): boolean {
    return this.options.standby !== null;
  }

  onRead(listener: (outcome: ReadOutcome, cause: unknown) => void): void {
    this.#listener = listener;
  }

  rows<R extends QueryResultRow>(statement: Statement<R>): Promise<R[]> {
    return this.read(statement, this.primary);
  }

  /** The same, but falling back to `primary`: an open transaction, or a pool with other limits. */
  orElse(primary: SqlReader): SqlReader {
    return { rows: (statement) => this.read(statement, primary) };
  }

  /** Checks the standby, even while it rests. Null: none is configured. Throws 503 if the primary does not answer. */
  async look(): Promise<ReadOutcome | null> {
    const { standby } = this.options;
    if (standby === null) return null;
    const position = await this.#positions.submit();
    try {
      await standby.transaction((tx) => this.requireReplayed(tx, position));
      return 'current';
    } catch (error) {
      return outcomeOf(error);
    }
  }

  private async read<R extends QueryResultRow>(statement: Statement<R>, primary: SqlReader): Promise<R[]> {
    const { standby } = this.options;
    if (standby === null) return primary.rows(statement);
    if (performance.now() < this.#restsUntilMs) return this.readPrimary(statement, primary, this.#restsBecause, null);
    const position = await this.#positions.submit();
    try {
      const rows = await standby.transaction(async (tx) => {
        await this.requireReplayed(tx, position);
        return tx.rows(statement);
      });
      this.#listener('current', null);
      return rows;
    } catch (error) {
      // Applies to any error: if the statement is at fault, the primary reports the same.
      this.#restsBecause = outcomeOf(error);
      this.#restsUntilMs = performance.now() + REST_MS;
      return this.readPrimary(statement, primary, this.#restsBecause, error);
    }
  }

  private readPrimary<R extends QueryResultRow>(
    statement: Statement<R>,
    primary: SqlReader,
    outcome: ReadOutcome,
    cause: unknown,
  ): Promise<R[]> {
    this.#listener(outcome, cause);
    return primary.rows(statement);
  }

  private async findPosition(): Promise<Position> {
    const [row] = await this.primary.rows<PrimaryPositionRow & QueryResultRow>(selectPrimaryPosition({}));
    if (row === undefined || row.written === null || row.timeline === null)
      throw this.availability.unavailable(new ReadOnlyServerError());
    return { written: BigInt(row.written), timeline: row.timeline, system: row.system };
  }

  private async requireReplayed(tx: SqlReader, { written, timeline, system }: Position): Promise<void> {
    const untilMs = performance.now() + this.options.waitMs;
    for (;;) {
      const [row] = await tx.rows(selectStandbyPosition({}));
      // After a failover, a standby of the old primary may hold commits that were lost.
      if (row === undefined || row.replayed === null || row.system !== system || row.timeline !== timeline)
        throw new StandbyNotUsedError('unfit');
      if (BigInt(row.replayed) >= written) return;
      if (performance.now() >= untilMs) throw new StandbyNotUsedError('behind');
      await sleep(LOOK_INTERVAL_MS);
    }
  }
}

function outcomeOf(error: unknown): ReadOutcome {
  return error instanceof StandbyNotUsedError ? error.outcome : 'away';
}
