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
  'The database does not answer in time, or cannot record what is asked for.',
  'Nothing was given out. Try again after the time in Retry-After; GET /health/ready and metavault doctor say more.',
);

/** The whole wait of a caller: with its way here and back, it has its answer within a second. */
const FAIL_FAST_TIMEOUT_MS = 900;
/** Postgres itself ends the statement before that, so that nothing is done for somebody who has been refused. */
const STATEMENT_TIMEOUT_MS = 750;
/** After this, a connection that says nothing is thrown away. */
const QUERY_TIMEOUT_MS = 2_000;
/** Two statements of leases and two of gateway calls at a time, and look-ups of keys beside them. */
const MAX_CONNECTIONS = 6;

/**
 * Statements that somebody waits for who asks for a token, or comes with one: answered at once, or refused within a second, whatever is
 * wrong with the database: out of reach, silent, locked, full, read-only. They have connections of their own, so that slower work, which
 * has 15 seconds, neither gives them its patience nor takes their connections.
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

/** `database_unavailable` for a reason that only the log tells. */
function toDatabaseUnavailable(cause: unknown): AppError {
  return new AppError(databaseUnavailable, { retryAfterSeconds: 1, cause });
}

/** For batches of such statements: calls that wait for their turn have no longer either. */
export const FAIL_FAST_DEADLINE = {
  ms: FAIL_FAST_TIMEOUT_MS,
  error: () => toDatabaseUnavailable(new Error(`no answer of the database within ${FAIL_FAST_TIMEOUT_MS} ms`)),
};

function openPool(connectionString: string): Pool {
  const pool = new pg.Pool({
    connectionString,
    application_name: 'metavault fail-fast',
    max: MAX_CONNECTIONS,
    // Kept for those who come after a pause: making one takes long where the machine is busy.
    min: 2,
    idleTimeoutMillis: 60_000,
    connectionTimeoutMillis: FAIL_FAST_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    keepAlive: true,
    // Nobody has to close it for the process to end.
    allowExitOnIdle: true,
  });
  // An idle connection that breaks is the pool's to replace.
  pool.on('error', () => {});
  return pool;
}

/** What has arrived by the deadline counts, also where this process was held up and looks late: hence the turn of the event loop. */
function withTimeout<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const rejectLate = (): void => reject(new Error(`no answer of the database within ${timeoutMs} ms`));
    const timer = setTimeout(() => setImmediate(rejectLate), timeoutMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
