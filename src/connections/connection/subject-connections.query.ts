import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { AssetType } from '../credentials/credential-kind.ts';
import type { ConnectionId } from '../ids.ts';

interface ConnectionRow {
  connection_id: ConnectionId;
  tenant: string;
  product: string;
}

interface AssetConnectionRow extends ConnectionRow {
  type: AssetType;
  /** The asset's. */
  id: string;
}

interface UserConnectionRow extends ConnectionRow {
  /** The id of Meta's user that was searched for. */
  id: string;
  app_id: string;
}

const selectByAssetIds = defineStatement<{ assetIds: readonly string[] }, AssetConnectionRow>(
  'connections_by_asset_ids',
  ({ assetIds }) => sql`SELECT a.type, a.id, n.id AS connection_id, n.tenant, n.product FROM asset a
    JOIN connection n ON n.id = a.connection_id AND n.status <> 'revoked' WHERE a.id = ANY (${assetIds}) ORDER BY n.id`,
  { prepare: true },
);

const selectByUserIds = defineStatement<{ appIds: readonly string[]; userIds: readonly string[] }, UserConnectionRow>(
  'connections_by_user_ids',
  ({ appIds, userIds }) => sql`SELECT meta_user_id AS id, id AS connection_id, app_id, tenant, product FROM connection
      WHERE app_id = ANY (${appIds}) AND meta_user_id = ANY (${userIds}) AND status <> 'revoked'
    UNION ALL SELECT app_scoped_user_id, id, app_id, tenant, product FROM connection
      WHERE app_id = ANY (${appIds}) AND app_scoped_user_id = ANY (${userIds}) AND status <> 'revoked'
    ORDER BY connection_id`,
  { prepare: true },
);

/** Across tenants: the connections that reach these assets and are not revoked, by connection id. */
export async function findConnectionsByAssetIds(
  executor: SqlExecutor,
  assetIds: readonly string[],
): Promise<AssetConnectionRow[]> {
  return assetIds.length === 0 ? [] : executor.rows(selectByAssetIds({ assetIds }));
}

/** Across tenants: the connections of these users of Meta's, by either of their ids, that are not revoked, by connection id. */
export async function findConnectionsByUserIds(
  executor: SqlExecutor,
  appIds: readonly string[],
  userIds: readonly string[],
): Promise<UserConnectionRow[]> {
  return userIds.length === 0 ? [] : executor.rows(selectByUserIds({ appIds, userIds }));
}
