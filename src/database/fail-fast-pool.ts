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
  'The database does not respond in time, or cannot record what is asked for.',
  'Nothing was given out. Try again after the time in Retry-After; GET /health/ready and metavault doctor say more.',
);

/** The longest wait for a statement: with the network on top, the client still gets its response within a second. */
const FAIL_FAST_TIMEOUT_MS = 900;
/** Postgres itself ends the statement before that, so that it does no work for a request that was refused. */
const STATEMENT_TIMEOUT_MS = 750;
/** After this, a silent connection is discarded. */
const QUERY_TIMEOUT_MS = 2_000;
/** Two lease statements and two gateway statements at a time, and key lookups beside them. */
const MAX_CONNECTIONS = 6;

/**
 * Statements behind lease requests and Graph calls: they succeed or are refused within a second, whatever is wrong with the database
 * (unreachable, silent, locked, full, read-only). They have connections of their own, so that slower work, which has 15 seconds, neither
 * delays them nor takes their connections.
 */
export class FailFastPool {
  #pool: Pool | null = null;

  constructor(private readonly databaseUrl: string) {}

  /** The rows of one statement, one round trip. Throws 503 `database_unavailable`, whatever went wrong. */
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

/** `database_unavailable` with a cause that only the log shows. */
function toDatabaseUnavailable(cause: unknown): AppError {
  return new AppError(databaseUnavailable, { retryAfterSeconds: 1, cause });
}

/** For batches of such statements: time in the queue counts toward the same deadline. */
export const FAIL_FAST_DEADLINE = {
  ms: FAIL_FAST_TIMEOUT_MS,
  error: () => toDatabaseUnavailable(new Error(`no response from the database within ${FAIL_FAST_TIMEOUT_MS} ms`)),
};

function openPool(connectionString: string): Pool {
  const pool = new pg.Pool({
    connectionString,
    application_name: 'metavault fail-fast',
    max: MAX_CONNECTIONS,
    // Kept open for requests after a pause, because connecting takes long on a busy machine.
    min: 2,
    idleTimeoutMillis: 60_000,
    connectionTimeoutMillis: FAIL_FAST_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    keepAlive: true,
    // Nobody has to close it for the process to end.
    allowExitOnIdle: true,
  });
  // The pool replaces an idle connection that breaks.
  pool.on('error', () => {});
  return pool;
}

/** What has arrived by the deadline counts, even if this process was delayed and checks late: hence the extra event-loop turn. */
function withTimeout<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const rejectLate = (): void => reject(new Error(`no response from the database within ${timeoutMs} ms`));
    const timer = setTimeout(() => setImmediate(rejectLate), timeoutMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
