import { Injectable } from '@nestjs/common';
import sql from 'sql-template-tag';
import { ConnectionLeases } from '../connections/connection-leases.ts';
import type { ConnectionId, CredentialId } from '../connections/ids.ts';
import { RowMacs } from '../database/row-macs.ts';
import { defineStatement, type SqlExecutor } from '../database/statement.ts';
import type { LeaseId } from './ids.ts';
import { leaseColumns } from './lease-conditions.query.ts';
import { LEASE_MAC, type StoredLease } from './lease-mac.ts';

const endActive = defineStatement<{ connectionId: ConnectionId; now: Date }>(
  'leases_of_connection_end',
  ({ connectionId, now }) =>
    sql`UPDATE lease SET ended_at = ${now} WHERE connection_id = ${connectionId} AND expires_at > ${now} AND ended_at IS NULL`,
);

const lockWithAsset = defineStatement<{ connectionId: ConnectionId; after: string; limit: number }, StoredLease>(
  'leases_of_connection_lock_with_asset',
  ({ connectionId, after, limit }) => sql`SELECT ${leaseColumns(sql`l`)} FROM lease l
    WHERE l.connection_id = ${connectionId} AND l.asset_id IS NOT NULL AND l.id > ${after} ORDER BY l.id LIMIT ${limit} FOR UPDATE`,
);

const clearAssets = defineStatement<{ ids: readonly LeaseId[]; macs: readonly (Buffer | null)[] }>(
  'leases_clear_assets',
  ({ ids, macs }) => sql`UPDATE lease l SET asset_type = NULL, asset_id = NULL, mac = w.mac
    FROM unnest(${ids}::text[], ${macs}::bytea[]) AS w (id, mac) WHERE l.id = w.id`,
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

const LEASES_PER_BATCH = 1_000;

@Injectable()
export class ConnectionLeasesRepository extends ConnectionLeases {
  constructor(private readonly macs: RowMacs) {
    super();
  }

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
    for (let after = ''; ; ) {
      const rows = await executor.rows(lockWithAsset({ connectionId, after, limit: LEASES_PER_BATCH }));
      const last = rows.at(-1);
      if (last === undefined) return;
      const macs = rows.map((row) => this.macWithoutAsset(row));
      await executor.run(clearAssets({ ids: rows.map(({ id }) => id), macs }));
      after = last.id;
    }
  }

  /** Keeps a MAC that doesn't fit if this service didn't write the row. */
  private macWithoutAsset(row: StoredLease): Buffer | null {
    if (!this.macs.fits(LEASE_MAC, row)) return null;
    return this.macs.compute(LEASE_MAC, { ...row, asset_type: null, asset_id: null });
  }
}
