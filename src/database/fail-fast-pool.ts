import type { Pool, QueryResultRow } from 'pg';
import { AppError } from '../platform/problem.ts';
import { ConnectionPool } from './connection-pool.ts';
import type { DatabaseAvailability } from './database-availability.ts';
import { KEYED_PLANS } from './keyed-plans.ts';
import { borrowedSessions } from './servers/borrowed-sessions.ts';
import type { DatabaseServers } from './servers/database-servers.ts';
import type { SessionSettings } from './servers/server-client.ts';
import type { Statement } from './statement.ts';
import { DatabaseTimeoutError, withTimeout } from './with-timeout.ts';

/** Maximum wait for a statement. Leaves time to respond to the client within a second. */
const FAIL_FAST_TIMEOUT_MS = 900;
/** Postgres cancels the statement earlier, so it does no work for a refused request. */
const STATEMENT_TIMEOUT_MS = 750;
/** Connections that stay open when idle. */
const FIRST_CONNECTIONS = 2;
/** A connection silent for this long is discarded. */
const QUERY_TIMEOUT_MS = 2_000;
/**
 * Hot statements read each table in a subquery that has a key as its only condition, and `OFFSET 0` keeps the planner
 * from moving other conditions into it.
 */
const SESSION_SETTINGS: SessionSettings = {
  ...KEYED_PLANS,
  jit: 'off',
};

/**
 * Runs the statements of leases and Graph calls: they succeed or fail within a second, even if the database is
 * unreachable, silent, locked, full or read-only. Has its own connections, so slower work can't delay them.
 */
export class FailFastPool {
  readonly #pool: Pool;
  readonly #connections: ConnectionPool;
  /** For batches of statements: time in the queue counts. */
  readonly deadline: { ms: number; error(): unknown };

  /** `patience`: see `Database.of`. */
  constructor(
    servers: DatabaseServers,
    private readonly availability: DatabaseAvailability,
    private readonly size: number,
    patience: number,
  ) {
    const settings = { statement_timeout: patience * STATEMENT_TIMEOUT_MS, ...SESSION_SETTINGS };
    const ms = patience * FAIL_FAST_TIMEOUT_MS;
    this.deadline = { ms, error: () => availability.unavailable(new DatabaseTimeoutError(ms)) };
    this.#pool = openPool(servers, size, settings, patience);
    this.#connections = new ConnectionPool(this.#pool, availability, { borrowed: borrowedSessions(servers, settings) });
  }

  /** Runs one statement. Throws 503 `database_unavailable` on any failure. */
  async rows<R extends QueryResultRow>(statement: Statement<R>): Promise<R[]> {
    try {
      return await withTimeout(this.deadline.ms, this.#connections.rows<R>(statement));
    } catch (error) {
      throw error instanceof AppError ? error : this.availability.unavailable(error);
    }
  }

  /**
   * Opens all connections and has Postgres plan the statements, which must change nothing, on each. Resolves once the
   * first two serve requests: planning on all takes Postgres half a second. Those that fail later are opened on demand.
   */
  async warmUp(statements: readonly Statement[]): Promise<void> {
    await this.#connections.warmUp(Math.min(FIRST_CONNECTIONS, this.size), statements);
    void this.#connections.warmUp(this.size, statements).catch(() => undefined);
  }

  close(): Promise<void> {
    return this.#pool.end();
  }
}

/** Connects on first use: the command line issues no leases. */
function openPool(servers: DatabaseServers, size: number, settings: SessionSettings, patience: number): Pool {
  return servers.openPool({
    ...settings,
    application_name: 'metavault fail-fast',
    max: size,
    // Stay open when idle, because connecting takes long on a busy machine.
    min: FIRST_CONNECTIONS,
    idleTimeoutMillis: 60_000,
    connectionTimeoutMillis: patience * FAIL_FAST_TIMEOUT_MS,
    query_timeout: patience * QUERY_TIMEOUT_MS,
    // An open pool must not keep the process alive.
    allowExitOnIdle: true,
  });
}
