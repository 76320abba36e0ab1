import pg, { type Pool, type QueryResultRow } from 'pg';
import { AppError, defineProblem } from '../platform/problem.ts';
import type { Statement } from './statement.ts';

declare module '../platform/problem.ts' {
  interface ProblemCodes {
    database_unavailable: true;
  }
}

export const databaseUnavailable = defineProblem(
  'database_unavailable',
  503,
  'The database did not respond in time or could not record the request.',
  'Nothing was issued. Retry after the time in Retry-After; see GET /health/ready and metavault doctor.',
);

/** Maximum wait for a statement. Leaves time to respond to the client within a second. */
const FAIL_FAST_TIMEOUT_MS = 900;
/** Postgres cancels the statement earlier, so it does no work for a refused request. */
const STATEMENT_TIMEOUT_MS = 750;
/** A connection silent for this long is discarded. */
const QUERY_TIMEOUT_MS = 2_000;
/** Two lease statements and two gateway statements at a time, plus key lookups. */
const MAX_CONNECTIONS = 6;

/**
 * Runs the statements of leases and Graph calls: they succeed or fail within a second, even if the database is
 * unreachable, silent, locked, full or read-only. Has its own connections, so slower work, which has 15 seconds, can't
 * delay them.
 */
export class FailFastPool {
  #pool: Pool | null = null;

  constructor(private readonly databaseUrl: string) {}

  /** Runs one statement. Throws 503 `database_unavailable` on any failure. */
  async rows<R extends QueryResultRow>(statement: Statement<R>): Promise<R[]> {
    this.#pool ??= openPool(this.databaseUrl);
    try {
      return (await withTimeout(FAIL_FAST_TIMEOUT_MS, this.#pool.query<R>(statement))).rows;
    } catch (error) {
      throw toDatabaseUnavailable(error);
    }
  }

  async close(): Promise<void> {
    await this.#pool?.end();
    this.#pool = null;
  }
}

/** The cause only appears in the log. */
function toDatabaseUnavailable(cause: unknown): AppError {
  return new AppError(databaseUnavailable, { retryAfterSeconds: 1, cause });
}

/** Deadline for batches: time in the queue counts. */
export const FAIL_FAST_DEADLINE = {
  ms: FAIL_FAST_TIMEOUT_MS,
  error: () => toDatabaseUnavailable(new Error(`no response from the database within ${FAIL_FAST_TIMEOUT_MS} ms`)),
};

function openPool(connectionString: string): Pool {
  const pool = new pg.Pool({
    connectionString,
    application_name: 'metavault fail-fast',
    max: MAX_CONNECTIONS,
    // Stay open when idle, because connecting takes long on a busy machine.
    min: 2,
    idleTimeoutMillis: 60_000,
    connectionTimeoutMillis: FAIL_FAST_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    keepAlive: true,
    // An open pool must not keep the process alive.
    allowExitOnIdle: true,
  });
  // The pool replaces broken idle connections.
  pool.on('error', () => {});
  return pool;
}

/** Waits one more turn of the event loop, because a response may have arrived while this process was stalled. */
function withTimeout<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const rejectLate = (): void => reject(new Error(`no response from the database within ${timeoutMs} ms`));
    const timer = setTimeout(() => setImmediate(rejectLate), timeoutMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
