import { Injectable } from '@nestjs/common';
import sql from 'sql-template-tag';
import { hasPendingAuthorization } from '../connections/authorization/pending-authorization.query.ts';
import type { ConnectionId } from '../connections/ids.ts';
import { Database, type Transaction } from '../database/database.ts';
import { RowMacs } from '../database/row-macs.ts';
import { defineStatement, type SqlExecutor } from '../database/statement.ts';
import { Clock } from '../platform/clock.ts';
import type { ConnectErrorCode } from './connect-problems.ts';
import type {
  ConnectAttempt,
  ConnectProgress,
  ConnectSession,
  StoredProgress,
  UnfinishedSignup,
} from './connect-session.ts';
import { CONNECT_SESSION_MAC, type CoveredSession, toCoveredSession } from './connect-session-mac.ts';
import type { ConnectSessionId } from './ids.ts';

interface SessionRow extends CoveredSession {
  progress: StoredProgress | null;
  unfinished: UnfinishedSignup | null;
  mac: Buffer | null;
}

interface AttemptRow {
  state_hash: Buffer;
  session_id: ConnectSessionId;
  cookie_hash: Buffer;
  expires_at: Date;
  consumed_at: Date | null;
  connection_id: ConnectionId | null;
  error: ConnectErrorCode | null;
}

const SESSION_COLUMNS = sql`id, token_hash, tenant, product, flow, scopes, return_url, client_id, created_at, expires_at, connection_id, closed_at,
  feature_type, features, progress, unfinished, expected, confirm, tenant_name, mac`;
const ATTEMPT_COLUMNS = sql`state_hash, session_id, cookie_hash, expires_at, consumed_at, connection_id, error`;

const insertSession = defineStatement<{ row: CoveredSession; expected: string | null; mac: Buffer }>(
  'connect_session_insert',
  ({ row, expected, mac }) => sql`INSERT INTO connect_session
      (id, token_hash, tenant, product, flow, scopes, return_url, client_id, created_at, expires_at, feature_type, features,
        expected, confirm, tenant_name, mac)
    VALUES (${row.id}, ${row.token_hash}, ${row.tenant}, ${row.product}, ${row.flow}, ${row.scopes}, ${row.return_url}, ${row.client_id},
      ${row.created_at}, ${row.expires_at}, ${row.feature_type}, ${row.features}, ${expected}::jsonb, ${row.confirm}, ${row.tenant_name},
      ${mac})`,
);

const selectSessionByToken = defineStatement<{ tokenHash: Buffer }, SessionRow>(
  'connect_session_by_token',
  ({ tokenHash }) => sql`SELECT ${SESSION_COLUMNS} FROM connect_session WHERE token_hash = ${tokenHash}`,
);

const selectSession = defineStatement<{ id: ConnectSessionId }, SessionRow>(
  'connect_session_by_id',
  ({ id }) => sql`SELECT ${SESSION_COLUMNS} FROM connect_session WHERE id = ${id}`,
);

const lockSession = defineStatement<{ id: ConnectSessionId }, SessionRow>(
  'connect_session_lock',
  ({ id }) => sql`SELECT ${SESSION_COLUMNS} FROM connect_session WHERE id = ${id} FOR UPDATE`,
);

const updateSessionClosed = defineStatement<{
  id: ConnectSessionId;
  connectionId: ConnectionId;
  at: Date;
  mac: Buffer;
}>(
  'connect_session_close',
  ({ id, connectionId, at, mac }) => sql`UPDATE connect_session
    SET connection_id = ${connectionId}, closed_at = ${at}, unfinished = NULL, mac = ${mac} WHERE id = ${id}`,
);

const updateProgress = defineStatement<{ id: ConnectSessionId; progress: string }>(
  'connect_session_progress',
  ({ id, progress }) => sql`UPDATE connect_session SET progress = ${progress}::jsonb WHERE id = ${id}`,
);

const deleteExpiredSessions = defineStatement<{ expiredBefore: Date; limit: number }>(
  'connect_session_delete',
  ({ expiredBefore, limit }) => sql`DELETE FROM connect_session WHERE id IN (
    SELECT s.id FROM connect_session s WHERE s.expires_at < ${expiredBefore} AND NOT ${hasPendingAuthorization(sql`s.id`)}
    LIMIT ${limit} FOR UPDATE SKIP LOCKED)`,
);

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

/** The rows of connect sessions and of the browsers that opened them. A session that is not as this service wrote it counts as absent. */
@Injectable()
export class ConnectSessionRepository {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly macs: RowMacs,
  ) {}

  async insert(tx: Transaction, session: ConnectSession, tokenHash: Buffer): Promise<void> {
    const expected = session.expected === null ? null : JSON.stringify(session.expected);
    const row = toCoveredSession(session, tokenHash, this.clock.now());
    await tx.run(insertSession({ row, expected, mac: this.macs.compute(CONNECT_SESSION_MAC, row) }));
  }

  async findByToken(tokenHash: Buffer): Promise<ConnectSession | null> {
    return this.toGenuine(await this.database.rows(selectSessionByToken({ tokenHash })));
  }

  /** In any tenant; checking the client's policy is left to the code that calls this. */
  async findAcrossTenants(id: ConnectSessionId): Promise<ConnectSession | null> {
    return this.toGenuine(await this.database.rows(selectSession({ id })));
  }

  /** Stores how far discovery has come, with the time. */
  async recordProgress(id: ConnectSessionId, progress: ConnectProgress): Promise<void> {
    const at = this.clock.now().toISOString();
    await this.database.run(updateProgress({ id, progress: JSON.stringify({ ...progress, at }) }));
  }

  /** Whether it may still be opened or completed. */
  isOpen(session: ConnectSession): boolean {
    return session.closedAt === null && session.expiresAt > this.clock.now();
  }

  async addAttempt(attempt: NewAttempt): Promise<void> {
    await this.database.run(insertAttempt({ ...attempt, now: this.clock.now() }));
    await this.database.run(deleteUnusedAttempts({ sessionId: attempt.sessionId, keep: MAX_UNUSED_ATTEMPTS }));
  }

  async findAttempt(stateHash: Buffer): Promise<ConnectAttempt | null> {
    const [row] = await this.database.rows(selectAttempt({ stateHash }));
    return row === undefined ? null : toAttempt(row);
  }

  /** The newest attempt of a session that one of these cookies belongs to. */
  async findAttemptByCookie(sessionId: ConnectSessionId, cookieHashes: Buffer[]): Promise<ConnectAttempt | null> {
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

  /**
   * Closes a session with its first success. A later one of the same connection counts as the same success (two browsers of one user);
   * false where the session belongs to another connection already, or is not one of the connection's tenant.
   */
  async close(
    tx: Transaction,
    { id, tenant }: Pick<ConnectSession, 'id' | 'tenant'>,
    stateHash: Buffer | null,
    connectionId: ConnectionId,
  ): Promise<boolean> {
    const [found] = await tx.rows(lockSession({ id }));
    const row = this.macs.accept(CONNECT_SESSION_MAC, found);
    if (row === null || row.tenant !== tenant) return false;
    if (row.closed_at !== null && row.connection_id !== connectionId) return false;
    const at = row.closed_at ?? this.clock.now();
    const mac = this.macs.compute(CONNECT_SESSION_MAC, { ...row, connection_id: connectionId, closed_at: at });
    await tx.run(updateSessionClosed({ id, connectionId, at, mac }));
    if (stateHash !== null) await tx.run(updateAttemptConnected({ stateHash, connectionId }));
    return true;
  }

  /** Removes up to `limit` sessions that expired before the instant, with their attempts; those with a pending authorization stay. */
  removeExpiredBefore(expiredBefore: Date, limit: number): Promise<number> {
    return this.database.run(deleteExpiredSessions({ expiredBefore, limit }));
  }

  private toGenuine([found]: readonly SessionRow[]): ConnectSession | null {
    const row = this.macs.accept(CONNECT_SESSION_MAC, found);
    return row === null ? null : toSession(row);
  }
}

function toSession(row: SessionRow): ConnectSession {
  return {
    id: row.id,
    tenant: row.tenant,
    product: row.product,
    flow: row.flow,
    scopes: row.scopes,
    returnUrl: row.return_url,
    clientId: row.client_id,
    expiresAt: row.expires_at,
    connectionId: row.connection_id,
    closedAt: row.closed_at,
    featureType: row.feature_type,
    features: row.features ?? [],
    progress: row.progress,
    unfinished: row.unfinished,
    expected: row.expected,
    confirm: row.confirm,
    tenantName: row.tenant_name,
  };
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
