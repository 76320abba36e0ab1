import { Injectable } from '@nestjs/common';
import sql from 'sql-template-tag';
import type { ConnectionId } from '../connections/ids.ts';
import { Database, type Transaction } from '../database/database.ts';
import { defineStatement, type SqlExecutor } from '../database/statement.ts';
import { Clock } from '../platform/clock.ts';
import type { ConnectErrorCode } from './connect-problems.ts';
import type { ConnectAttempt } from './connect-session.ts';
import type { ConnectSessionId } from './ids.ts';

interface AttemptRow {
  state_hash: Buffer;
  session_id: ConnectSessionId;
  cookie_hash: Buffer;
  expires_at: Date;
  consumed_at: Date | null;
  connection_id: ConnectionId | null;
  error: ConnectErrorCode | null;
}

const ATTEMPT_COLUMNS = sql`state_hash, session_id, cookie_hash, expires_at, consumed_at, connection_id, error`;

type NewAttempt = Pick<ConnectAttempt, 'stateHash' | 'sessionId' | 'cookieHash' | 'expiresAt'>;

const insertAttempt = defineStatement<NewAttempt & { now: Date }>(
  'connect_attempt_insert',
  ({ stateHash, sessionId, cookieHash, now, expiresAt }) => sql`INSERT INTO connect_attempt
      (state_hash, session_id, cookie_hash, created_at, expires_at)
    VALUES (${stateHash}, ${sessionId}, ${cookieHash}, ${now}, ${expiresAt})`,
);

const deleteUnusedAttempts = defineStatement<{ sessionId: ConnectSessionId; keep: number }>(
  'connect_attempt_delete_unused',
  ({ sessionId, keep }) => sql`DELETE FROM connect_attempt WHERE state_hash IN (
    SELECT state_hash FROM connect_attempt WHERE session_id = ${sessionId} AND consumed_at IS NULL
    ORDER BY created_at DESC OFFSET ${keep})`,
);

const selectAttempt = defineStatement<{ stateHash: Buffer }, AttemptRow>(
  'connect_attempt_by_state',
  ({ stateHash }) => sql`SELECT ${ATTEMPT_COLUMNS} FROM connect_attempt WHERE state_hash = ${stateHash}`,
);

const selectAttemptByCookie = defineStatement<{ sessionId: ConnectSessionId; cookieHashes: Buffer[] }, AttemptRow>(
  'connect_attempt_by_cookie',
  ({ sessionId, cookieHashes }) => sql`SELECT ${ATTEMPT_COLUMNS} FROM connect_attempt
    WHERE session_id = ${sessionId} AND cookie_hash = ANY (${cookieHashes}) ORDER BY created_at DESC LIMIT 1`,
);

const updateAttemptConsumed = defineStatement<{ stateHash: Buffer; error: ConnectErrorCode | null; now: Date }>(
  'connect_attempt_consume',
  ({
    stateHash,
    error,
    now,
  }) => sql`UPDATE connect_attempt a SET consumed_at = ${now}, error = ${error} FROM connect_session s
    WHERE a.state_hash = ${stateHash} AND a.consumed_at IS NULL AND a.expires_at > ${now}
      AND s.id = a.session_id AND s.closed_at IS NULL`,
);

const updateAttemptError = defineStatement<{ stateHash: Buffer; error: ConnectErrorCode }>(
  'connect_attempt_error',
  ({ stateHash, error }) => sql`UPDATE connect_attempt SET error = ${error}
    WHERE state_hash = ${stateHash} AND error IS NULL AND connection_id IS NULL`,
);

const updateAttemptConnected = defineStatement<{ stateHash: Buffer; connectionId: ConnectionId }>(
  'connect_attempt_connected',
  ({ stateHash, connectionId }) =>
    sql`UPDATE connect_attempt SET connection_id = ${connectionId}, error = NULL WHERE state_hash = ${stateHash}`,
);

/** Far more than mail scanners and robots open a link while somebody is at Meta's dialog; beyond it the oldest unused attempts go. */
const MAX_UNUSED_ATTEMPTS = 5_000;

/** The result of an attempt whose token became a connection. */
export async function recordAttemptConnected(
  tx: Transaction,
  stateHash: Buffer,
  connectionId: ConnectionId,
): Promise<void> {
  await tx.run(updateAttemptConnected({ stateHash, connectionId }));
}

/** The rows of the browsers that opened a connect session. */
@Injectable()
export class ConnectAttemptRepository {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  async add(attempt: NewAttempt): Promise<void> {
    await this.database.run(insertAttempt({ ...attempt, now: this.clock.now() }));
    await this.database.run(deleteUnusedAttempts({ sessionId: attempt.sessionId, keep: MAX_UNUSED_ATTEMPTS }));
  }

  async find(stateHash: Buffer): Promise<ConnectAttempt | null> {
    const [row] = await this.database.rows(selectAttempt({ stateHash }));
    return row === undefined ? null : toAttempt(row);
  }

  /** The newest attempt of a session that one of these cookies belongs to. */
  async findByCookie(sessionId: ConnectSessionId, cookieHashes: Buffer[]): Promise<ConnectAttempt | null> {
    const [row] = await this.database.rows(selectAttemptByCookie({ sessionId, cookieHashes }));
    return row === undefined ? null : toAttempt(row);
  }

  /**
   * Consumes an attempt's state: true for exactly one request, and only while attempt and session are valid. With `error`, that becomes the
   * result of the attempt at the same time.
   */
  async consume(executor: SqlExecutor, stateHash: Buffer, error: ConnectErrorCode | null): Promise<boolean> {
    return (await executor.run(updateAttemptConsumed({ stateHash, error, now: this.clock.now() }))) === 1;
  }

  /** Stores the error that an attempt ended with; false where it has a result already. */
  async recordError(executor: SqlExecutor, stateHash: Buffer, error: ConnectErrorCode): Promise<boolean> {
    return (await executor.run(updateAttemptError({ stateHash, error }))) === 1;
  }
}

function toAttempt(row: AttemptRow): ConnectAttempt {
  return {
    stateHash: row.state_hash,
    sessionId: row.session_id,
    cookieHash: row.cookie_hash,
    expiresAt: row.expires_at,
    consumedAt: row.consumed_at,
    connectionId: row.connection_id,
    error: row.error,
  };
}
