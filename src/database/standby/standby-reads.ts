import { setTimeout as sleep } from 'node:timers/promises';
import type { QueryResultRow } from 'pg';
import { Batcher } from '../batcher.ts';
import type { ConnectionPool } from '../connection-pool.ts';
import type { DatabaseAvailability } from '../database-availability.ts';
import { ReadOnlyServerError } from '../servers/server-client.ts';
import type { SqlExecutor, SqlReader, Statement } from '../statement.ts';
import { type PrimaryPositionRow, selectPrimaryPosition, selectStandbyPosition } from './standby-position.query.ts';

/**
 * Who answered a read. `current`: the standby. The primary, because the standby was `behind` for longer than a read
 * waits, is `unfit` (takes writes, or follows another primary), or did not answer (`away`).
 */
export type ReadOutcome = 'current' | 'behind' | 'unfit' | 'away';

/** Where the primary was when a read began. */
interface Position {
  written: bigint;
  timeline: string;
  system: string;
}

interface StandbyReadsOptions {
  /** Null: there is no standby to read from. */
  standby: ConnectionPool | null;
  /** How long a read waits for the standby to have all that was committed before the read began. */
  waitMs: number;
}

class StandbyNotUsedError extends Error {
  constructor(readonly outcome: ReadOutcome) {
    super(`the standby is ${outcome}`);
    this.name = 'StandbyNotUsedError';
  }
}

const LOOK_INTERVAL_MS = 5;
/** After trouble, reads leave the standby alone for this long. */
const REST_MS = 1_000;

/**
 * Reads of lists and counts, from a standby where one is configured. A read sees all that was committed before it
 * began, by whomever and on whichever replica: it asks the primary how far that has written, and the standby must have
 * replayed as much. Else, and in any trouble, it reads from the primary. So there is no answer older than its request,
 * and nobody misses what they have just changed.
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
    // One look answers all who came before it began.
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

  /** The same, but with `primary` in the primary's place: an open transaction, or a pool with other limits. */
  orElse(primary: SqlReader): SqlReader {
    return { rows: (statement) => this.read(statement, primary) };
  }

  /** Looks at the standby, rested or not. Null: none is configured. Throws 503 if the primary does not answer. */
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
      // Whatever it is: if it is the statement's fault, the primary says so, too.
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
      // After a failover, a standby of the old primary may hold what was lost.
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
