import type { Pool, PoolClient, QueryResultRow } from 'pg';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import { type DatabasePoolSizes, DEFAULT_DATABASE_CONFIG } from '../config/database-settings.ts';
import { ConnectionPool, type Transaction, type TransactionOptions } from './connection-pool.ts';
import { serversOf } from './data-source-options.ts';
import { DatabaseAvailability } from './database-availability.ts';
import { FailFastPool } from './fail-fast-pool.ts';
import { borrowedSessions } from './servers/borrowed-sessions.ts';
import type { DatabaseServers } from './servers/database-servers.ts';
import type { SessionSettings } from './servers/server-client.ts';
import { openStandbyPool, type ReadableStandby, type StandbyPool } from './standby/readable-standby.ts';
import { StandbyConfirmation } from './standby/standby-confirmation.ts';
import { StandbyReads } from './standby/standby-reads.ts';
import type { SqlExecutor, Statement } from './statement.ts';
import { DatabaseTimeoutError, withTimeout } from './with-timeout.ts';

export type { Transaction } from './connection-pool.ts';

/** Runs `work` in a transaction, such as `Database.transaction`. */
export type RunInTransaction<T> = (work: (transaction: Transaction) => Promise<T>) => Promise<T>;

/** Longest wait for a connection, and for a statement on it: a request gets its 503 within two seconds. */
const ACQUIRE_TIMEOUT_MS = 1_700;
const QUERY_TIMEOUT_MS = 1_700;
/** Longest wait for a connection of a busy pool. */
const CONNECTION_TIMEOUT_MS = 5_000;
/** Postgres cancels the statement earlier, and reports why. */
const SESSION_LIMITS = { statement_timeout: 1_500, idle_in_transaction_session_timeout: 10_000 };
/**
 * Reads that fail on a standby are retried on the primary; this limit still lets the request get its answer in time.
 */
const READ_TIMEOUT_MS = 1_000;
const LONG_READ_TIMEOUT_MS = 9_000;
const LONG_READS = 2;

/**
 * Access to Postgres, limited to two seconds per statement. TypeORM owns migrations and entities; statements go to `pg`
 * directly.
 */
export class Database implements SqlExecutor {
  readonly availability = new DatabaseAvailability();
  /** Separate connections with shorter limits, for leases and Graph calls. */
  readonly failFast: FailFastPool;
  /**
   * TypeORM's connections, limited to 15 seconds per statement: for batches, surveys, waits for other transactions, and
   * writes that a slow database must not lose (a token that Meta issues only once).
   */
  readonly longRunning: ConnectionPool;
  /** Makes work that a failover must not undo wait for a standby. */
  readonly standby: StandbyConfirmation;
  /** For lists and counts, on which nothing depends: may read from a standby. */
  readonly reads: StandbyReads;
  /** The same, with the time limit of `longRunning`. */
  readonly longReads: StandbyReads;
  readonly #pool: Pool;
  readonly #standbyPools: readonly StandbyPool[];
  readonly #statements: ConnectionPool;

  constructor(
    readonly dataSource: DataSource,
    servers: DatabaseServers,
    sizes: DatabasePoolSizes,
    readable: ReadableStandby | null,
    private readonly patience: number,
  ) {
    const limits = { ...SESSION_LIMITS, statement_timeout: patience * SESSION_LIMITS.statement_timeout };
    this.failFast = new FailFastPool(servers, this.availability, sizes.leases, patience);
    this.longRunning = new ConnectionPool((dataSource.driver as PostgresDriver).master as Pool, this.availability);
    this.#pool = openPool(servers, sizes.requests, limits, patience);
    this.#statements = new ConnectionPool(this.#pool, this.availability, {
      acquireWithinMs: patience * ACQUIRE_TIMEOUT_MS,
      borrowed: borrowedSessions(servers, limits),
    });
    this.standby = new StandbyConfirmation(this.#statements, this.availability);
    const [standby = null, longStandby = null] = openStandby(readable, sizes);
    this.#standbyPools = [standby, longStandby].filter((each) => each !== null);
    const openReads = (of: StandbyPool | null): StandbyReads =>
      new StandbyReads(this.#statements, this.availability, {
        standby: of?.connections ?? null,
        waitMs: readable?.waitMs ?? 0,
      });
    this.reads = openReads(standby);
    this.longReads = openReads(longStandby);
  }

  /**
   * Shares the pool of an initialized data source. Other pools connect to `servers`, possibly through a pooler.
   * `patience`: factor for the time limits of statements, for tests on a busy machine.
   */
  static of(
    dataSource: DataSource,
    servers: DatabaseServers = serversOf(dataSource),
    sizes: DatabasePoolSizes = DEFAULT_DATABASE_CONFIG.poolSizes,
    readable: ReadableStandby | null = null,
    patience = 1,
  ): Database {
    return new Database(dataSource, servers, sizes, readable, patience);
  }

  rows<R extends QueryResultRow>(statement: Statement<R>): Promise<R[]> {
    return this.#statements.rows(statement);
  }

  run(statement: Statement): Promise<number> {
    return this.#statements.run(statement);
  }

  /**
   * Runs `work` in a READ COMMITTED transaction; rolls back if it throws. Retries deadlocks, so `work` must have no
   * other effects: never call Meta in it.
   */
  transaction<T>(work: (transaction: Transaction) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    return this.#statements.transaction(work, options);
  }

  /**
   * Runs `work`, which commits what Meta gives only once, and waits for a standby as `StandbyConfirmation` does. If no
   * standby confirms, logs it and continues.
   */
  async durably<T>(work: () => Promise<T>): Promise<T> {
    return (await this.standby.confirm(work)).result;
  }

  /** Reads entities, with the time limits of statements. */
  async read<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    let client: PoolClient | undefined;
    const connectAndRead = async (runner: QueryRunner): Promise<T> => {
      try {
        client = (await runner.connect()) as PoolClient;
        if (!this.longRunning.mayBeDead(client)) return await work(runner.manager);
        // Not awaited: ending a dead connection gets no response.
        void client.end();
      } finally {
        await runner.release();
      }
      return connectAndRead(this.dataSource.createQueryRunner());
    };
    try {
      const result = await withTimeout(
        this.patience * QUERY_TIMEOUT_MS,
        connectAndRead(this.dataSource.createQueryRunner()),
      );
      this.availability.answered();
      return result;
    } catch (error) {
      // The pool discards the connection; its statement fails.
      if (error instanceof DatabaseTimeoutError) void client?.end();
      throw this.availability.explain(error);
    }
  }

  /** Closes all connections except those of the data source. */
  async close(): Promise<void> {
    const pools = [this.#pool, ...this.#standbyPools.map(({ pool }) => pool)];
    await Promise.all([this.failFast.close(), ...pools.map((pool) => pool.end())]);
  }
}

/** One pool for ordinary reads, and one for long ones. */
function openStandby(readable: ReadableStandby | null, { requests }: DatabasePoolSizes): StandbyPool[] {
  if (readable === null) return [];
  return [
    openStandbyPool(readable, requests, READ_TIMEOUT_MS),
    openStandbyPool(readable, LONG_READS, LONG_READ_TIMEOUT_MS),
  ];
}

function openPool(servers: DatabaseServers, size: number, limits: SessionSettings, patience: number): Pool {
  return servers.openPool({
    application_name: 'metavault',
    max: size,
    idleTimeoutMillis: 60_000,
    connectionTimeoutMillis: patience * CONNECTION_TIMEOUT_MS,
    ...limits,
    query_timeout: patience * QUERY_TIMEOUT_MS,
    // An open pool must not keep the process alive.
    allowExitOnIdle: true,
  });
}
