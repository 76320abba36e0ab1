import { Injectable } from '@nestjs/common';
import sql from 'sql-template-tag';
import type { ClientId } from '../auth/ids.ts';
import type { DialogFlow, Product } from '../config/products.ts';
import { hasPendingAuthorization } from '../connections/authorization/pending-authorization.query.ts';
import type { ConnectionId } from '../connections/ids.ts';
import { Database, type Transaction } from '../database/database.ts';
import { defineStatement } from '../database/statement.ts';
import type { FeatureType } from '../meta/dialog/embedded-signup.ts';
import { Clock } from '../platform/clock.ts';
import { recordAttemptConnected } from './connect-attempt.repository.ts';
import type {
  ConnectProgress,
  ConnectSession,
  ExpectedAccount,
  StoredProgress,
  UnfinishedSignup,
} from './connect-session.ts';
import type { ConnectSessionId } from './ids.ts';

interface SessionRow {
  id: ConnectSessionId;
  tenant: string;
  product: Product;
  flow: DialogFlow;
  scopes: string[];
  return_url: string | null;
  client_id: ClientId;
  expires_at: Date;
  connection_id: ConnectionId | null;
  closed_at: Date | null;
  feature_type: FeatureType | null;
  features: string[] | null;
  progress: StoredProgress | null;
  unfinished: UnfinishedSignup | null;
  expected: ExpectedAccount | null;
  confirm: boolean;
  tenant_name: string | null;
}

const SESSION_COLUMNS = sql`id, tenant, product, flow, scopes, return_url, client_id, expires_at, connection_id, closed_at,
  feature_type, features, progress, unfinished, expected, confirm, tenant_name`;

const insertSession = defineStatement<{
  session: ConnectSession;
  expected: string | null;
  tokenHash: Buffer;
  now: Date;
}>(
  'connect_session_insert',
  ({ session, expected, tokenHash, now }) => sql`INSERT INTO connect_session
      (id, token_hash, tenant, product, flow, scopes, return_url, client_id, created_at, expires_at, feature_type, features,
        expected, confirm, tenant_name)
    VALUES (${session.id}, ${tokenHash}, ${session.tenant}, ${session.product}, ${session.flow}, ${session.scopes},
      ${session.returnUrl}, ${session.clientId}, ${now}, ${session.expiresAt}, ${session.featureType},
      nullif(${session.features}::text[], '{}'), ${expected}::jsonb, ${session.confirm}, ${session.tenantName})`,
);

const selectSessionByToken = defineStatement<{ tokenHash: Buffer }, SessionRow>(
  'connect_session_by_token',
  ({ tokenHash }) => sql`SELECT ${SESSION_COLUMNS} FROM connect_session WHERE token_hash = ${tokenHash}`,
);

const selectSession = defineStatement<{ id: ConnectSessionId }, SessionRow>(
  'connect_session_by_id',
  ({ id }) => sql`SELECT ${SESSION_COLUMNS} FROM connect_session WHERE id = ${id}`,
);

const updateSessionClosed = defineStatement<{ id: ConnectSessionId; connectionId: ConnectionId; now: Date }>(
  'connect_session_close',
  ({ id, connectionId, now }) => sql`UPDATE connect_session
    SET connection_id = ${connectionId}, closed_at = coalesce(closed_at, ${now}::timestamptz), unfinished = NULL
    WHERE id = ${id} AND (closed_at IS NULL OR connection_id = ${connectionId})`,
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

/** The rows of connect sessions. */
@Injectable()
export class ConnectSessionRepository {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  async insert(tx: Transaction, session: ConnectSession, tokenHash: Buffer): Promise<void> {
    const expected = session.expected === null ? null : JSON.stringify(session.expected);
    await tx.run(insertSession({ session, expected, tokenHash, now: this.clock.now() }));
  }

  async findByToken(tokenHash: Buffer): Promise<ConnectSession | null> {
    const [row] = await this.database.rows(selectSessionByToken({ tokenHash }));
    return row === undefined ? null : toSession(row);
  }

  /** In any tenant; checking the client's policy is left to the code that calls this. */
  async findAcrossTenants(id: ConnectSessionId): Promise<ConnectSession | null> {
    const [row] = await this.database.rows(selectSession({ id }));
    return row === undefined ? null : toSession(row);
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

  /**
   * Closes a session with its first success. A later one of the same connection counts as the same success (two browsers of one user);
   * false where the session belongs to another connection already.
   */
  async close(
    tx: Transaction,
    sessionId: ConnectSessionId,
    stateHash: Buffer | null,
    connectionId: ConnectionId,
  ): Promise<boolean> {
    const closed = await tx.run(updateSessionClosed({ id: sessionId, connectionId, now: this.clock.now() }));
    if (closed !== 1) return false;
    if (stateHash !== null) await recordAttemptConnected(tx, stateHash, connectionId);
    return true;
  }

  /** Removes up to `limit` sessions that expired before the instant, with their attempts; those with a pending authorization stay. */
  removeExpiredBefore(expiredBefore: Date, limit: number): Promise<number> {
    return this.database.run(deleteExpiredSessions({ expiredBefore, limit }));
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
