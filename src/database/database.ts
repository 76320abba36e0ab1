import type { Pool, PoolClient, QueryResultRow } from 'pg';
import type { DataSource, EntityManager } from 'typeorm';
import type { PostgresDataSourceOptions } from 'typeorm/driver/postgres/PostgresDataSourceOptions.js';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import { FailFastPool } from './fail-fast-pool.ts';
import { runDeferredTriggers } from './interference.query.ts';
import type { SqlExecutor, Statement } from './statement.ts';

/** An open transaction: everything through it commits together. `manager` is TypeORM's view of the same transaction. */
export interface Transaction extends SqlExecutor {
  readonly manager: EntityManager;
}

/** Serialisation failure, deadlock: Postgres rolled back and asks for another try. */
const RETRYABLE_CODES = new Set(['40001', '40P01']);
const MAX_ATTEMPTS = 4;

/** The modules' access to Postgres. TypeORM owns the pool, the migrations and the cold paths; hot statements go to `pg` directly. */
export class Database implements SqlExecutor {
  /** Short deadlines and connections of their own, for leases and Graph calls. */
  readonly failFast: FailFastPool;

  constructor(
    readonly dataSource: DataSource,
    private readonly pool: Pool,
  ) {
    this.failFast = new FailFastPool((dataSource.options as PostgresDataSourceOptions).url ?? '');
  }

  /** On an initialised TypeORM data source, whose pool it shares. */
  static of(dataSource: DataSource): Database {
    return new Database(dataSource, (dataSource.driver as PostgresDriver).master as Pool);
  }

  async rows<R extends QueryResultRow>(statement: Statement<R>): Promise<R[]> {
    return (await this.pool.query<R>(statement)).rows;
  }

  async run(statement: Statement): Promise<number> {
    return (await this.pool.query(statement)).rowCount ?? 0;
  }

  /**
   * Runs `work` in one READ COMMITTED transaction; a throw rolls it back. Retries deadlocks, so `work` must have no effect outside of the
   * transaction: never a call to Meta in here.
   */
  async transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.runTransaction(work);
      } catch (error) {
        if (attempt >= MAX_ATTEMPTS || !RETRYABLE_CODES.has(String((error as { code?: unknown }).code))) throw error;
      }
    }
  }

  private async runTransaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    const runner = this.dataSource.createQueryRunner();
    const client = (await runner.connect()) as PoolClient;
    await runner.startTransaction();
    try {
      const checks: (() => Promise<void>)[] = [];
      const transaction: Transaction = {
        manager: runner.manager,
        rows: async <R extends QueryResultRow>(statement: Statement<R>) => (await client.query<R>(statement)).rows,
        run: async (statement) => (await client.query(statement)).rowCount ?? 0,
        beforeCommit: (check) => void checks.push(check),
      };
      const result = await work(transaction);
      if (checks.length > 0) await runDeferredTriggers(transaction);
      for (const check of checks) await check();
      await runner.commitTransaction();
      return result;
    } catch (error) {
      // A connection that can't even be rolled back is unusable: ended, the pool discards it.
      await runner.rollbackTransaction().catch(() => client.end());
      throw error;
    } finally {
      await runner.release();
    }
  }
}
