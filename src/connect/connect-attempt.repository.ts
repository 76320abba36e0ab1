import { Injectable } from '@nestjs/common';
import sql from 'sql-template-tag';
import type { ConnectionId } from '../connections/ids.ts';
import { Database, type Transaction } from '../database/database.ts';
import { defineStatement, type SqlExecutor } from '../database/statement.ts';
import { Clock } from '../platform/clock.ts';
import type { ConnectErrorCode } from './connect-problems.ts';
import type { ConnectAttempt, OpenedAttempt } from './connect-session.ts';
import type { ConnectSessionId } from './ids.ts';

interface AttemptRow {
  state_hash: Buffer;
  session_id: ConnectSessionId;
  cookie_hash: Buffer;
  created_at: Date;
  expires_at: Date;
  consumed_at: Date | null;
  connection_id: ConnectionId | null;
  error: ConnectErrorCode | null;
}

const ATTEMPT_COLUMNS = sql`state_hash, session_id, cookie_hash, created_at, expires_at, consumed_at, connection_id, error`;

const insertAttempt = defineStatement<OpenedAttempt>(
  'connect_attempt_insert',
  ({ stateHash, sessionId, cookieHash, openedAt, expiresAt }) => sql`INSERT INTO connect_attempt
      (state_hash, session_id, cookie_hash, created_at, expires_at, is_signed)
    VALUES (${stateHash}, ${sessionId}, ${cookieHash}, ${openedAt}, ${expiresAt}, true)`,
);

// Skips locked rows: they are about to be used, and two openings must never wait for each other.
const deleteUnusedAttempts = defineStatement<{ sessionId: ConnectSessionId; keep: number }>(
  'connect_attempt_delete_unused',
  ({ sessionId, keep }) => sql`DELETE FROM connect_attempt WHERE state_hash = ANY (ARRAY(
    SELECT state_hash FROM connect_attempt WHERE consumed_at IS NULL AND reported IS NULL AND state_hash = ANY (ARRAY(
      SELECT state_hash FROM connect_attempt
      WHERE session_id = ${sessionId} AND is_signed AND consumed_at IS NULL AND reported IS NULL
      ORDER BY created_at DESC, state_hash OFFSET ${keep}))
    FOR UPDATE SKIP LOCKED))`,
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

// Unused rows may be gone, but used ones last as long as their session: a state counts once across replicas.
const consumeAttempt = defineStatement<{ attempt: OpenedAttempt; error: ConnectErrorCode | null; now: Date }>(
  'connect_attempt_consume',
  ({
    attempt: { stateHash, sessionId, cookieHash, openedAt, expiresAt },
    error,
    now,
  }) => sql`INSERT INTO connect_attempt AS a
      (state_hash, session_id, cookie_hash, created_at, expires_at, is_signed, consumed_at, error)
    SELECT ${stateHash}::bytea, s.id, ${cookieHash}::bytea, ${openedAt}::timestamptz, ${expiresAt}::timestamptz, true,
      ${now}::timestamptz, ${error}::text
    FROM connect_session s WHERE s.id = ${sessionId} AND s.closed_at IS NULL AND ${expiresAt}::timestamptz > ${now}::timestamptz
    ON CONFLICT (state_hash) DO UPDATE SET consumed_at = excluded.consumed_at, error = excluded.error
    WHERE a.consumed_at IS NULL AND a.session_id = excluded.session_id AND a.expires_at > excluded.consumed_at`,
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

/** Per session, not counting attempts that came back or reported. More than this come from mail scanners and bots. */
const MAX_UNUSED_ATTEMPTS = 50;

/** Records an attempt whose token became a connection. */
export async function recordAttemptConnected(
  tx: Transaction,
  stateHash: Buffer,
  connectionId: ConnectionId,
): Promise<void> {
  await tx.run(updateAttemptConnected({ stateHash, connectionId }));
}

/** Stores attempts: browsers that opened a connect session. */
@Injectable()
export class ConnectAttemptRepository {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /**
   * Records that a browser opened its session. Drops the oldest records past a limit, which loses no attempt: the
   * cookie proves it. Attempts of the previous release, which need their rows, stay.
   */
  async add(attempt: OpenedAttempt): Promise<void> {
    await this.database.run(insertAttempt(attempt));
    await this.database.run(deleteUnusedAttempts({ sessionId: attempt.sessionId, keep: MAX_UNUSED_ATTEMPTS }));
  }

  async find(stateHash: Buffer): Promise<ConnectAttempt | null> {
    const [row] = await this.database.rows(selectAttempt({ stateHash }));
    return row === undefined ? null : toAttempt(row);
  }

  /** Returns the newest attempt of a session that one of these cookies proves. */
  async findByCookie(sessionId: ConnectSessionId, cookieHashes: Buffer[]): Promise<ConnectAttempt | null> {
    const [row] = await this.database.rows(selectAttemptByCookie({ sessionId, cookieHashes }));
    return row === undefined ? null : toAttempt(row);
  }

  /**
   * Consumes an attempt's state, with or without a row. True for exactly one request, and only while attempt and
   * session are valid. `error` becomes the attempt's result in the same statement.
   */
  async consume(executor: SqlExecutor, attempt: OpenedAttempt, error: ConnectErrorCode | null): Promise<boolean> {
    return (await executor.run(consumeAttempt({ attempt, error, now: this.clock.now() }))) === 1;
  }

  /** Stores an attempt's error; false if it has a result already. */
  async recordError(executor: SqlExecutor, stateHash: Buffer, error: ConnectErrorCode): Promise<boolean> {
    return (await executor.run(updateAttemptError({ stateHash, error }))) === 1;
  }
}

function toAttempt(row: AttemptRow): ConnectAttempt {
  return {
    stateHash: row.state_hash,
    sessionId: row.session_id,
    cookieHash: row.cookie_hash,
    openedAt: row.created_at,
    expiresAt: row.expires_at,
    inPopup: false,
    consumedAt: row.consumed_at,
    connectionId: row.connection_id,
    error: row.error,
  };
}
