import { Injectable } from '@nestjs/common';
import sql from 'sql-template-tag';
import { ConnectionLeases } from '../connections/connection-leases.ts';
import type { ConnectionId, CredentialId } from '../connections/ids.ts';
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

interface TokenLeasesParameters {
  connectionId: ConnectionId;
  credentialId: CredentialId;
  version: number;
  now: Date;
}

const selectTokenLeasesEnd = defineStatement<TokenLeasesParameters, { ends_at: Date | null }>(
  'token_leases_end',
  ({ connectionId, credentialId, version, now }) => sql`SELECT max(expires_at) AS ends_at FROM lease
    WHERE connection_id = ${connectionId} AND expires_at > ${now} AND ended_at IS NULL AND mode = 'token'
      AND credential_id = ${credentialId} AND credential_version = ${version}`,
);

@Injectable()
export class ConnectionLeasesRepository extends ConnectionLeases {
  override end(executor: SqlExecutor, connectionId: ConnectionId, now: Date): Promise<number> {
    return executor.run(endActive({ connectionId, now }));
  }

  override async tokenLeasesEndAt(
    executor: SqlExecutor,
    { connectionId, credentialId, version }: Omit<TokenLeasesParameters, 'now'>,
    now: Date,
  ): Promise<Date | null> {
    const [row] = await executor.rows(selectTokenLeasesEnd({ connectionId, credentialId, version, now }));
    return row?.ends_at ?? null;
  }

  override async clearAssets(executor: SqlExecutor, connectionId: ConnectionId): Promise<void> {
    await executor.run(clearAssets({ connectionId }));
  }
}
