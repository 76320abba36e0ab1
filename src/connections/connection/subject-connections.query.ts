import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { AssetType, Health } from '../credentials/credential-kind.ts';
import type { ConnectionId } from '../ids.ts';
import type { ConnectionStatus } from '../status/connection-status.ts';
import type { CredentialFailureCode, StatusReasonCode } from '../status/status-reason.ts';
import { type AssetCredential, receivesEvents } from './event-entitlement.ts';

interface ConnectionRow {
  connection_id: ConnectionId;
  tenant: string;
  product: string;
  status: ConnectionStatus;
  reason: StatusReasonCode | null;
}

interface AssetConnectionRow extends ConnectionRow {
  authorized_at: Date;
  type: AssetType;
  /** The asset's id. */
  id: string;
  parent_id: string | null;
  business_id: string | null;
  is_root: boolean | null;
  health: Health | null;
  failure: CredentialFailureCode | null;
}

interface UserConnectionRow extends ConnectionRow {
  /** The Meta user id that was searched for. */
  id: string;
  app_id: string;
}

/** An unrevoked connection that events may be about. */
interface FoundConnection {
  connectionId: ConnectionId;
  tenant: string;
  product: string;
  /** Whether its tenant gets the events. */
  receivesEvents: boolean;
}

/** A connection found through one of its assets. */
export interface AssetConnection extends FoundConnection {
  type: AssetType;
  id: string;
  parentId: string | null;
  /** The business behind the token that reaches the asset, if Meta named it. */
  businessId: string | null;
  /** When the connection's user last logged in. */
  authorizedAt: Date;
}

/** A connection found by one of its user's ids, with the app that knows the user by it. */
export interface UserConnectionOfApp extends FoundConnection {
  id: string;
  appId: string;
}

const selectByAssetIds = defineStatement<
  { appIds: readonly string[] | null; assetIds: readonly string[] },
  AssetConnectionRow
>(
  'connections_by_asset_ids',
  ({
    appIds,
    assetIds,
  }) => sql`SELECT a.type, a.id, a.parent_id, a.details->'business'->>'id' AS business_id, n.id AS connection_id, n.tenant,
      n.product, n.status, n.status_reason->>'code' AS reason, n.authorized_at, c.is_root, c.health, c.failure->>'code' AS failure
    FROM asset a JOIN connection n ON n.id = a.connection_id AND n.status <> 'revoked' LEFT JOIN credential c ON c.id = a.credential_id
    WHERE a.id = ANY (${assetIds}) AND (${appIds}::text[] IS NULL OR n.app_id = ANY (${appIds}::text[]))
    ORDER BY n.id`,
  { prepare: true },
);

const selectByUserIds = defineStatement<{ appIds: readonly string[]; userIds: readonly string[] }, UserConnectionRow>(
  'connections_by_user_ids',
  ({ appIds, userIds }) => sql`SELECT meta_user_id AS id, id AS connection_id, app_id, tenant, product, status,
      status_reason->>'code' AS reason FROM connection
      WHERE app_id = ANY (${appIds}) AND meta_user_id = ANY (${userIds}) AND status <> 'revoked'
    UNION ALL SELECT app_scoped_user_id, id, app_id, tenant, product, status, status_reason->>'code' FROM connection
      WHERE app_id = ANY (${appIds}) AND app_scoped_user_id = ANY (${userIds}) AND status <> 'revoked'
    ORDER BY connection_id`,
  { prepare: true },
);

/** Across tenants: unrevoked connections of these apps (null: of any) with these assets, ordered by connection id. */
export async function findConnectionsByAssetIds(
  executor: SqlExecutor,
  appIds: readonly string[] | null,
  assetIds: readonly string[],
): Promise<AssetConnection[]> {
  if (assetIds.length === 0) return [];
  const rows = await executor.rows(selectByAssetIds({ appIds, assetIds }));
  return rows.map((row) => ({
    connectionId: row.connection_id,
    tenant: row.tenant,
    product: row.product,
    type: row.type,
    id: row.id,
    parentId: row.parent_id,
    businessId: row.business_id,
    authorizedAt: row.authorized_at,
    receivesEvents: receivesEvents(row, { asset: credentialOf(row) }),
  }));
}

/** Across tenants: unrevoked connections of these Meta users by either id, ordered by connection id. */
export async function findConnectionsByUserIds(
  executor: SqlExecutor,
  appIds: readonly string[],
  userIds: readonly string[],
): Promise<UserConnectionOfApp[]> {
  if (userIds.length === 0) return [];
  const rows = await executor.rows(selectByUserIds({ appIds, userIds }));
  return rows.map((row) => ({
    connectionId: row.connection_id,
    tenant: row.tenant,
    product: row.product,
    id: row.id,
    appId: row.app_id,
    receivesEvents: receivesEvents(row, 'user'),
  }));
}

function credentialOf({ is_root: isRoot, health, failure }: AssetConnectionRow): AssetCredential | null {
  return isRoot === null || health === null ? null : { isRoot, health, failure };
}
