import pg, { type Pool, type PoolClient, type QueryResultRow } from 'pg';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import type { PostgresDataSourceOptions } from 'typeorm/driver/postgres/PostgresDataSourceOptions.js';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import { ConnectionPool, type Transaction, type TransactionOptions } from './connection-pool.ts';
import { DatabaseAvailability } from './database-availability.ts';
import { FailFastPool } from './fail-fast-pool.ts';
import { StandbyConfirmation } from './standby/standby-confirmation.ts';
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
/** Postgres cancels the statement earlier, and says so. */
const STATEMENT_TIMEOUT_MS = 1_500;
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 10;

/**
 * Access to Postgres, within two seconds a statement. TypeORM owns migrations and entities; statements go to `pg`
 * directly.
 */
export class Database implements SqlExecutor {
  readonly availability = new DatabaseAvailability();
  /** Separate connections with shorter limits, for leases and Graph calls. */
  readonly failFast: FailFastPool;
  /**
   * TypeORM's connections, with 15 seconds a statement: for batches, surveys, waits for other transactions, and what
   * must not be lost to a slow database (a token that Meta issues once).
   */
  readonly longRunning: ConnectionPool;
  /** What a failover must not undo waits here for a standby. */
  readonly standby: StandbyConfirmation;
  readonly #pool: Pool;
  readonly #statements: ConnectionPool;

  constructor(
    readonly dataSource: DataSource,
    typeormPool: Pool,
  ) {
    const url = (dataSource.options as PostgresDataSourceOptions).url ?? '';
    this.failFast = new FailFastPool(url, this.availability);
    this.longRunning = new ConnectionPool(typeormPool, this.availability);
    this.#pool = openPool(url);
    this.#statements = new ConnectionPool(this.#pool, this.availability, { acquireWithinMs: ACQUIRE_TIMEOUT_MS });
    this.standby = new StandbyConfirmation(this.#statements, this.availability);
  }

  /** Shares the pool of an initialized data source. */
  static of(dataSource: DataSource): Database {
    return new Database(dataSource, (dataSource.driver as PostgresDriver).master as Pool);
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
   * Runs `work`, which commits what Meta gives only once, and waits for a standby as `StandbyConfirmation` does. A
   * standby that does not confirm is logged, and the work goes on.
   */
  async durably<T>(work: () => Promise<T>): Promise<T> {
    return (await this.standby.confirm(work)).result;
  }

  /** Reads entities, with the limits of statements. */
  async read<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    let client: PoolClient | undefined;
    const connectAndRead = async (runner: QueryRunner): Promise<T> => {
      try {
        client = (await runner.connect()) as PoolClient;
        if (!this.longRunning.mayBeDead(client)) return await work(runner.manager);
        // Not awaited: a dead connection says nothing when it ends.
        void client.end();
      } finally {
        await runner.release();
      }
      return connectAndRead(this.dataSource.createQueryRunner());
    };
    try {
      const result = await withTimeout(QUERY_TIMEOUT_MS, connectAndRead(this.dataSource.createQueryRunner()));
      this.availability.answered();
      return result;
    } catch (error) {
      // The pool discards it; its statement fails.
      if (error instanceof DatabaseTimeoutError) void client?.end();
      throw this.availability.explain(error);
    }
  }

  /** Closes all connections except those of the data source. */
  async close(): Promise<void> {
    await Promise.all([this.failFast.close(), this.#pool.end()]);
  }
}

function openPool(connectionString: string): Pool {
  return new pg.Pool({
    connectionString,
    application_name: 'metavault',
    max: MAX_CONNECTIONS,
    idleTimeoutMillis: 60_000,
    connectionTimeoutMillis: CONNECTION_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    keepAlive: true,
    // An open pool must not keep the process alive.
    allowExitOnIdle: true,
  });
}
