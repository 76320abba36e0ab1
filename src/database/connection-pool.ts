import type { Pool, PoolClient, QueryResult, QueryResultRow } from 'pg';
import { inSpan, isTracing } from '../platform/tracing.ts';
import type { DatabaseAvailability } from './database-availability.ts';
import { isConnectionLost, isLoginRefused } from './database-unavailable.ts';
import { runDeferredTriggers } from './interference.query.ts';
import { KEYED_PLANS } from './keyed-plans.ts';
import { type BorrowedSessions, setLocal } from './servers/borrowed-sessions.ts';
import type { SqlExecutor, Statement } from './statement.ts';
import { DatabaseTimeoutError } from './with-timeout.ts';

/** An open transaction. */
export interface Transaction extends SqlExecutor {
  beforeCommit(check: () => Promise<void>): void;
}

export interface TransactionOptions {
  /** Maximum milliseconds to get a connection, and for BEGIN on it. Default: the limits of the pool. */
  beginWithinMs?: number;
  /**
   * The statements read by keys only: they are planned once, and no plan scans a table, even one that was small then.
   */
  readsByKey?: boolean;
}

interface PoolOptions {
  /**
   * Maximum milliseconds to get a connection while the pool answers no statement. Default: the limit of `pg`'s pool.
   */
  acquireWithinMs?: number;
  /** Null: each connection has its own server session. */
  borrowed?: BorrowedSessions | null;
}

/** A pool that answered a statement this recently is busy, not in trouble. */
const BUSY_MS = 1_000;
const LOOK_AGAIN_MS = 200;

/** Sent in the same message as BEGIN, so it costs no extra round trip. */
const SET_KEYED_PLANS = setLocal(KEYED_PLANS).join('; ');

/** Serialization failure and deadlock, which Postgres rolls back and which may be retried. */
const RETRYABLE_CODES = new Set(['40001', '40P01']);
const MAX_ATTEMPTS = 4;

/**
 * Statements and transactions on the connections of one pool. Trouble with the database becomes 503
 * `database_unavailable` (see `isDatabaseTrouble`); any other error is passed on unchanged.
 */
export class ConnectionPool implements SqlExecutor {
  readonly #generationOf = new WeakMap<PoolClient, number>();
  #answeredAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly pool: Pool,
    private readonly availability: DatabaseAvailability,
    private readonly options: PoolOptions = {},
  ) {
    pool.on('connect', (client) => this.adopt(client, availability.generation));
    // The pool replaces broken idle connections.
    pool.on('error', () => undefined);
  }

  async rows<R extends QueryResultRow>(statement: Statement<R>): Promise<R[]> {
    return (await this.query<R>(statement)).rows;
  }

  async run(statement: Statement): Promise<number> {
    return (await this.query(statement)).rowCount ?? 0;
  }

  /**
   * Runs `work` in a READ COMMITTED transaction; rolls back if it throws. Retries deadlocks, so `work` must have no
   * other effects: never call Meta in it.
   */
  async transaction<T>(work: (transaction: Transaction) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.onConnection((client) => this.runTransaction(client, work, options), options);
      } catch (error) {
        if (attempt >= MAX_ATTEMPTS || !RETRYABLE_CODES.has(String((error as { code?: unknown }).code))) throw error;
      }
    }
  }

  /** Opens `count` connections at once, and runs the statements on each. */
  async warmUp(count: number, statements: readonly Statement[]): Promise<void> {
    const runAll = async (transaction: Transaction): Promise<void> => {
      for (const statement of statements) await transaction.rows(statement);
    };
    const open = (): Promise<void> => this.onConnection((client) => this.runTransaction(client, runAll, {}));
    await Promise.all(Array.from({ length: count }, open));
  }

  private query<R extends QueryResultRow>(statement: Statement<R>): Promise<QueryResult<R>> {
    const { borrowed = null } = this.options;
    if (borrowed === null) return this.onConnection((client) => run<R>(client, statement, null));
    return this.onConnection((client) => this.runTransaction(client, () => run(client, statement, borrowed), {}));
  }

  private async onConnection<T>(
    work: (client: PoolClient) => Promise<T>,
    { beginWithinMs = this.options.acquireWithinMs }: TransactionOptions = {},
  ): Promise<T> {
    let client: PoolClient | null = null;
    try {
      client = await (beginWithinMs === undefined ? this.acquire() : this.acquireWithin(beginWithinMs));
      const result = await work(client);
      client.release();
      this.#answeredAtMs = performance.now();
      this.availability.answered();
      return result;
    } catch (error) {
      client?.release(isConnectionLost(error));
      throw this.availability.explain(error);
    }
  }

  /** Whether Postgres was silent or read-only since this connection was made. Check each one taken from the pool. */
  mayBeDead(client: PoolClient): boolean {
    // Connected before this object existed: TypeORM connects to inspect the server.
    const generation = this.#generationOf.get(client) ?? this.adopt(client, 0);
    return generation < this.availability.generation;
  }

  private adopt(client: PoolClient, generation: number): number {
    this.#generationOf.set(client, generation);
    return generation;
  }

  private async acquire(): Promise<PoolClient> {
    for (let isSecondTry = false; ; ) {
      try {
        const client = await this.pool.connect();
        if (!this.mayBeDead(client)) return client;
        client.release(true);
      } catch (error) {
        // The password has changed: the next connection fetches it again.
        if (isSecondTry || !isLoginRefused(error)) throw error;
        isSecondTry = true;
      }
    }
  }

  /** Gives up after `timeoutMs`. While the pool is answering other callers, waits as long as `pg`'s pool does. */
  private acquireWithin(timeoutMs: number): Promise<PoolClient> {
    return new Promise((resolve, reject) => {
      let isSettled = false;
      const look = (): void => {
        if (isSettled) return;
        if (performance.now() - this.#answeredAtMs < BUSY_MS) {
          timer = setTimeout(look, LOOK_AGAIN_MS);
          return;
        }
        isSettled = true;
        reject(new DatabaseTimeoutError(timeoutMs));
      };
      // One more turn of the event loop, because the connection may have arrived while this process was stalled.
      let timer = setTimeout(() => setImmediate(look), timeoutMs);
      const settle = (act: () => void): void => {
        isSettled = true;
        clearTimeout(timer);
        act();
      };
      this.acquire().then(
        (client) => (isSettled ? client.release() : settle(() => resolve(client))),
        (error: unknown) => settle(() => reject(error as Error)),
      );
    });
  }

  private async runTransaction<T>(
    client: PoolClient,
    work: (transaction: Transaction) => Promise<T>,
    { beginWithinMs, readsByKey = false }: TransactionOptions,
  ): Promise<T> {
    const checks: (() => Promise<void>)[] = [];
    const { borrowed = null } = this.options;
    const transaction: Transaction = {
      rows: async <R extends QueryResultRow>(statement: Statement<R>) => (await run(client, statement, borrowed)).rows,
      run: async (statement) => (await run(client, statement, borrowed)).rowCount ?? 0,
      beforeCommit: (check) => void checks.push(check),
    };
    const begun = borrowed?.begin ?? 'BEGIN';
    await client.query(begin(readsByKey ? `${begun}; ${SET_KEYED_PLANS}` : begun, beginWithinMs));
    try {
      const result = await work(transaction);
      if (checks.length > 0) await runDeferredTriggers(transaction);
      for (const check of checks) await check();
      await client.query('COMMIT');
      return result;
    } catch (error) {
      if (!isConnectionLost(error)) await rollBack(client);
      throw error;
    }
  }
}

/** Ends a connection that can't roll back: the pool then discards it. */
async function rollBack(client: PoolClient): Promise<void> {
  await client.query('ROLLBACK').catch(() => void client.end());
}

function run<R extends QueryResultRow>(
  client: PoolClient,
  statement: Statement<R>,
  borrowed: BorrowedSessions | null,
): Promise<QueryResult<R>> {
  const sent = borrowed?.keepsPrepared === false ? withoutName(statement) : statement;
  if (!isTracing()) return client.query<R>(sent);
  const name = statement.label ?? 'statement';
  const attributes = { 'db.system.name': 'postgresql', 'db.query.summary': name };
  return inSpan({ name, kind: 'client', needsParent: true, attributes }, () => client.query<R>(sent));
}

function withoutName<R extends QueryResultRow>({ name: _, ...statement }: Statement<R>): Statement<R> {
  return statement;
}

/** `pg`'s types lack the timeout of a single query. */
function begin(text: string, withinMs: number | undefined): Statement {
  const statement: Statement & { query_timeout?: number } = { text };
  return withinMs === undefined ? statement : Object.assign(statement, { query_timeout: withinMs });
}
