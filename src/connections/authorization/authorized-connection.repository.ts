import sql from 'sql-template-tag';
import type { Product } from '../../config/config.ts';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { ConnectionId } from '../ids.ts';
import { type ConnectionState, toConnectionState } from '../status/connection-state.ts';
import type { ConnectionStatus, DecidedStatus } from '../status/connection-status.ts';

interface LiveConnectionKey {
  tenant: string;
  product: Product;
  appId: string;
  metaUserId: string;
}

const lockLive = defineStatement<LiveConnectionKey, { id: ConnectionId; status: ConnectionStatus }>(
  'live_connection_lock',
  ({ tenant, product, appId, metaUserId }) => sql`SELECT id, status FROM connection
    WHERE tenant = ${tenant} AND product = ${product} AND app_id = ${appId} AND meta_user_id = ${metaUserId} AND status <> 'revoked'
    FOR UPDATE`,
);

/** What an authorization sets on its connection. */
export interface ConnectionGrant {
  id: ConnectionId;
  flow: string;
  status: DecidedStatus;
  /** JSON or null. */
  statusReason: string | null;
  scopes: string[];
  declinedScopes: string[];
  dataAccessExpiresAt: Date | null;
  noticeDueAt: Date | null;
  graphApiVersion: string;
  appScopedUserId: string | null;
  nextDiscoveryAt: Date;
  /** Null: keeps what it has. */
  reference: string | null;
  /** JSON; null: keeps what it has. */
  metadata: string | null;
  now: Date;
}

const insert = defineStatement<ConnectionGrant & LiveConnectionKey, { generation: number }>(
  'connection_insert',
  (
    of,
  ) => sql`INSERT INTO connection (id, tenant, product, flow, status, status_reason, app_id, meta_user_id, scopes, declined_scopes,
      data_access_expires_at, graph_api_version, authorized_at, created_at, updated_at, expiry_notice_due_at, app_scoped_user_id,
      next_discovery_at, reference, metadata, generation)
    VALUES (${of.id}, ${of.tenant}, ${of.product}, ${of.flow}, ${of.status}, ${of.statusReason}, ${of.appId}, ${of.metaUserId},
      ${of.scopes}, ${of.declinedScopes}, ${of.dataAccessExpiresAt}, ${of.graphApiVersion}, ${of.now}, ${of.now}, ${of.now},
      ${of.noticeDueAt}, ${of.appScopedUserId}, ${of.nextDiscoveryAt}, ${of.reference},
      coalesce(${of.metadata}::json, '{}'), 1) RETURNING generation`,
);

const update = defineStatement<ConnectionGrant, { generation: number }>(
  'connection_reauthorize',
  (
    of,
  ) => sql`UPDATE connection SET flow = ${of.flow}, status = ${of.status}, status_reason = ${of.statusReason}, scopes = ${of.scopes},
      declined_scopes = ${of.declinedScopes}, data_access_expires_at = ${of.dataAccessExpiresAt},
      graph_api_version = ${of.graphApiVersion}, authorized_at = ${of.now}, updated_at = ${of.now},
      app_scoped_user_id = coalesce(${of.appScopedUserId}, app_scoped_user_id), expiry_notice_due_at = ${of.noticeDueAt},
      next_discovery_at = ${of.nextDiscoveryAt}, reference = coalesce(${of.reference}, reference),
      metadata = coalesce(${of.metadata}::json, metadata), generation = generation + 1
    WHERE id = ${of.id} RETURNING generation`,
);

/** Locks the live connection that connecting again updates; null: none. */
export async function lockLiveConnection(
  executor: SqlExecutor,
  { tenant, product, appId, metaUserId }: LiveConnectionKey,
): Promise<{ id: ConnectionId; status: ConnectionStatus } | null> {
  const [row] = await executor.rows(lockLive({ tenant, product, appId, metaUserId }));
  return row ?? null;
}

/** Returns the state for the audit entry. */
export async function insertConnection(
  executor: SqlExecutor,
  connection: ConnectionGrant & LiveConnectionKey,
): Promise<ConnectionState> {
  const [inserted] = await executor.rows(insert(connection));
  return toConnectionState(connection.status, inserted);
}

/** Returns the state for the audit entry. */
export async function reauthorizeConnection(
  executor: SqlExecutor,
  connection: ConnectionGrant,
): Promise<ConnectionState> {
  const [updated] = await executor.rows(update(connection));
  return toConnectionState(connection.status, updated);
}
