import type { Pool, PoolClient, QueryResultRow } from 'pg';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import type { PostgresDataSourceOptions } from 'typeorm/driver/postgres/PostgresDataSourceOptions.js';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import { FailFastPool } from './fail-fast-pool.ts';
import { runDeferredTriggers } from './interference.query.ts';
import type { SqlExecutor, Statement } from './statement.ts';

/** An open transaction. `manager` is TypeORM's view of it. */
export interface Transaction extends SqlExecutor {
  readonly manager: EntityManager;
}

/** Runs `work` in a transaction, such as `Database.transaction`. */
export type RunInTransaction<T> = (work: (transaction: Transaction) => Promise<T>) => Promise<T>;

/** Serialization failure and deadlock, which Postgres rolls back and which may be retried. */
const RETRYABLE_CODES = new Set(['40001', '40P01']);
const MAX_ATTEMPTS = 4;

/** Access to Postgres. TypeORM owns the pool, migrations and cold paths; hot statements go to `pg` directly. */
export class Database implements SqlExecutor {
  /** Separate connections with short deadlines, for leases and Graph calls. */
  readonly failFast: FailFastPool;

  constructor(
    readonly dataSource: DataSource,
    private readonly pool: Pool,
  ) {
    this.failFast = new FailFastPool((dataSource.options as PostgresDataSourceOptions).url ?? '');
  }

  /** Shares the pool of an initialized data source. */
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
   * Runs `work` in a READ COMMITTED transaction; rolls back if it throws. Retries deadlocks, so `work` must have no
   * other effects: never call Meta in it.
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
    try {
      const client = (await runner.connect()) as PoolClient;
      try {
        await runner.startTransaction();
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
        await rollBack(runner, client, error);
        throw error;
      }
    } finally {
      await runner.release();
    }
  }
}

/** Ends a connection that is dead or can't roll back: the pool then discards it. */
async function rollBack(runner: QueryRunner, client: PoolClient, error: unknown): Promise<void> {
  if (isQueryTimeout(error)) return void client.end();
  await runner.rollbackTransaction().catch(() => client.end());
}

/** Whether Postgres has said nothing for `query_timeout`. Nothing sent on such a connection arrives. */
function isQueryTimeout(error: unknown): boolean {
  return error instanceof Error && error.message === 'Query read timeout';
}
