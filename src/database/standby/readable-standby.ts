import type { Pool } from 'pg';
import { ConnectionPool } from '../connection-pool.ts';
import { DatabaseAvailability } from '../database-availability.ts';
import { borrowedSessions } from '../servers/borrowed-sessions.ts';
import type { DatabaseServers } from '../servers/database-servers.ts';

/** The standby that `StandbyReads` reads from. */
export interface ReadableStandby {
  servers: DatabaseServers;
  /** Maximum milliseconds that a read waits for the standby to catch up. */
  waitMs: number;
}

/** Connections to a standby for reads of one kind. They open on first use. */
export interface StandbyPool {
  pool: Pool;
  connections: ConnectionPool;
}

const ACQUIRE_TIMEOUT_MS = 500;
/** Lets Postgres cancel the statement first and report why. */
const QUERY_TIMEOUT_MARGIN_MS = 200;

/** Trouble with the standby is not trouble with the database: it has its own `DatabaseAvailability`. */
export function openStandbyPool({ servers }: ReadableStandby, size: number, statementTimeoutMs: number): StandbyPool {
  const limits = { statement_timeout: statementTimeoutMs, idle_in_transaction_session_timeout: 10_000 };
  const pool = servers.openPool({
    ...limits,
    application_name: 'metavault reads',
    max: size,
    idleTimeoutMillis: 60_000,
    connectionTimeoutMillis: ACQUIRE_TIMEOUT_MS,
    query_timeout: statementTimeoutMs + QUERY_TIMEOUT_MARGIN_MS,
    // An open pool must not keep the process alive.
    allowExitOnIdle: true,
  });
  const connections = new ConnectionPool(pool, new DatabaseAvailability(), {
    acquireWithinMs: ACQUIRE_TIMEOUT_MS,
    borrowed: borrowedSessions(servers, limits),
  });
  return { pool, connections };
}
