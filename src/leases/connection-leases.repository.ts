import { Injectable } from '@nestjs/common';
import sql from 'sql-template-tag';
import { ConnectionLeases } from '../connections/connection-leases.ts';
import type { ConnectionId } from '../connections/ids.ts';
import { defineStatement, type SqlExecutor } from '../database/statement.ts';

const endActive = defineStatement<{ connectionId: ConnectionId; now: Date }>(
  'leases_of_connection_end',
  ({ connectionId, now }) =>
    sql`UPDATE lease SET ended_at = ${now} WHERE connection_id = ${connectionId} AND expires_at > ${now} AND ended_at IS NULL`,
);

const clearAssets = defineStatement<{ connectionId: ConnectionId }>(
  'leases_of_connection_clear_assets',
  ({ connectionId }) =>
    sql`UPDATE lease SET asset_type = NULL, asset_id = NULL WHERE connection_id = ${connectionId} AND asset_id IS NOT NULL`,
);

@Injectable()
export class ConnectionLeasesRepository extends ConnectionLeases {
  override end(executor: SqlExecutor, connectionId: ConnectionId, now: Date): Promise<number> {
    return executor.run(endActive({ connectionId, now }));
  }

  override async clearAssets(executor: SqlExecutor, connectionId: ConnectionId): Promise<void> {
    await executor.run(clearAssets({ connectionId }));
  }
}
