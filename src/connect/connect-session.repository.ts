import { Injectable } from '@nestjs/common';
import sql from 'sql-template-tag';
import { hasPendingAuthorization } from '../connections/authorization/pending-authorization.query.ts';
import type { Metadata } from '../connections/description/description.ts';
import type { ConnectionId } from '../connections/ids.ts';
import type { Locale } from '../customer-pages/locale.ts';
import { Database, type Transaction } from '../database/database.ts';
import { RowMacs } from '../database/row-macs.ts';
import { defineStatement } from '../database/statement.ts';
import { Clock } from '../platform/clock.ts';
import { recordAttemptConnected } from './connect-attempt.repository.ts';
import type { ConnectProgress, ConnectSession, StoredProgress, UnfinishedSignup } from './connect-session.ts';
import { CONNECT_SESSION_MAC, type CoveredSession, toCoveredSession } from './connect-session-mac.ts';
import type { ConnectSessionId } from './ids.ts';

interface SessionRow extends CoveredSession {
  locale: Locale | null;
  reference: string | null;
  metadata: Metadata | null;
  progress: StoredProgress | null;
  unfinished: UnfinishedSignup | null;
  mac: Buffer | null;
}

const SESSION_COLUMNS = sql`id, token_hash, tenant, product, flow, scopes, return_url, client_id, created_at, expires_at, connection_id, closed_at,
  feature_type, features, progress, unfinished, expected, confirm, tenant_name, origin, app_id, locale, reference, metadata,
  mac`;

const insertSession = defineStatement<{
  row: CoveredSession;
  expected: string | null;
  locale: Locale | null;
  reference: string | null;
  metadata: string | null;
  mac: Buffer;
}>(
  'connect_session_insert',
  ({ row, expected, locale, reference, metadata, mac }) => sql`INSERT INTO connect_session
      (id, token_hash, tenant, product, flow, scopes, return_url, client_id, created_at, expires_at, feature_type, features,
        expected, confirm, tenant_name, origin, app_id, locale, reference, metadata, mac)
    VALUES (${row.id}, ${row.token_hash}, ${row.tenant}, ${row.product}, ${row.flow}, ${row.scopes}, ${row.return_url}, ${row.client_id},
      ${row.created_at}, ${row.expires_at}, ${row.feature_type}, ${row.features}, ${expected}::jsonb, ${row.confirm}, ${row.tenant_name},
      ${row.origin}, ${row.app_id}, ${locale}, ${reference}, ${metadata}::json, ${mac})`,
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

/** Stores connect sessions. A row that fails its MAC counts as absent. */
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
    const mac = this.macs.compute(CONNECT_SESSION_MAC, row);
    const { locale, description } = session;
    const { reference = null } = description;
    const metadata = description.metadata === undefined ? null : JSON.stringify(description.metadata);
    await tx.run(insertSession({ row, expected, locale, reference, metadata, mac }));
  }

  async findByToken(tokenHash: Buffer): Promise<ConnectSession | null> {
    return this.toGenuine(await this.database.rows(selectSessionByToken({ tokenHash })));
  }

  /** Finds a session of any tenant; the caller checks the client's policy. */
  async findAcrossTenants(id: ConnectSessionId): Promise<ConnectSession | null> {
    return this.toGenuine(await this.database.rows(selectSession({ id })));
  }

  /** Stores discovery progress with the time. */
  async recordProgress(id: ConnectSessionId, progress: ConnectProgress): Promise<void> {
    const at = this.clock.now().toISOString();
    await this.database.run(updateProgress({ id, progress: JSON.stringify({ ...progress, at }) }));
  }

  /** Returns whether it may still be opened or completed. */
  isOpen(session: ConnectSession): boolean {
    return session.closedAt === null && session.expiresAt > this.clock.now();
  }

  /**
   * Closes a session on its first success. A later success of the same connection (two browsers of one user) counts as
   * the same. False if the session belongs to another connection, or the connection to another tenant.
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
    if (stateHash !== null) await recordAttemptConnected(tx, stateHash, connectionId);
    return true;
  }

  /**
   * Removes up to `limit` sessions that expired before the instant, with their attempts, except those with a pending
   * authorization.
   */
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
    origin: row.origin,
    appId: row.app_id,
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
    locale: row.locale,
    description: {
      ...(row.reference === null ? {} : { reference: row.reference }),
      ...(row.metadata === null ? {} : { metadata: row.metadata }),
    },
  };
}
