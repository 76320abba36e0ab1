import { Injectable } from '@nestjs/common';
import sql, { type Sql } from 'sql-template-tag';
import { ConnectionLeases } from '../connections/connection-leases.ts';
import type { ConnectionId, CredentialId } from '../connections/ids.ts';
import { RowMacs } from '../database/row-macs.ts';
import { defineStatement, type SqlExecutor } from '../database/statement.ts';
import type { LeaseId } from './ids.ts';
import { leaseColumns } from './lease-conditions.query.ts';
import { LEASE_MAC, type StoredLease } from './lease-mac.ts';
import { firstActiveId } from './lease-spans.ts';

interface ActiveLeases {
  connectionId: ConnectionId;
  /** See `firstActiveId`. */
  from: LeaseId;
  now: Date;
}

/** Condition: an active lease of a connection. The index of connections holds only the beginning of the id. */
function isActiveOf({ connectionId, from, now }: ActiveLeases): Sql {
  return sql`connection_id = ${connectionId} AND left(id, 10) >= left(${from}, 10) AND id >= ${from}
      AND expires_at > ${now} AND ended_at IS NULL`;
}

const endActive = defineStatement<ActiveLeases>(
  'leases_of_connection_end',
  (leases) => sql`UPDATE lease SET ended_at = ${leases.now} WHERE ${isActiveOf(leases)}`,
);

const lockWithAsset = defineStatement<{ connectionId: ConnectionId; after: string; limit: number }, StoredLease>(
  'leases_of_connection_lock_with_asset',
  ({ connectionId, after, limit }) => sql`SELECT ${leaseColumns(sql`l`)} FROM lease l
    WHERE l.connection_id = ${connectionId} AND l.asset_id IS NOT NULL AND l.id > ${after} AND left(l.id, 10) >= left(${after}, 10)
    ORDER BY left(l.id, 10), l.id LIMIT ${limit} FOR UPDATE`,
);

const clearAssets = defineStatement<{ ids: readonly LeaseId[]; macs: readonly (Buffer | null)[] }>(
  'leases_clear_assets',
  ({ ids, macs }) => sql`UPDATE lease l SET asset_type = NULL, asset_id = NULL, mac = w.mac
    FROM unnest(${ids}::text[], ${macs}::bytea[]) AS w (id, mac) WHERE l.id = w.id`,
);

interface TokenLeasesParameters extends ActiveLeases {
  credentialId: CredentialId;
  version: number;
}

const selectTokenLeasesEnd = defineStatement<TokenLeasesParameters, { ends_at: Date | null }>(
  'token_leases_end',
  ({ credentialId, version, ...leases }) => sql`SELECT max(expires_at) AS ends_at FROM lease
    WHERE ${isActiveOf(leases)} AND mode = 'token' AND credential_id = ${credentialId} AND credential_version = ${version}`,
);

const LEASES_PER_BATCH = 1_000;

@Injectable()
export class ConnectionLeasesRepository extends ConnectionLeases {
  constructor(private readonly macs: RowMacs) {
    super();
  }

  override end(executor: SqlExecutor, connectionId: ConnectionId, now: Date): Promise<number> {
    return executor.run(endActive({ connectionId, from: firstActiveId(now), now }));
  }

  override async tokenLeasesEndAt(
    executor: SqlExecutor,
    { connectionId, credentialId, version }: Omit<TokenLeasesParameters, 'from' | 'now'>,
    now: Date,
  ): Promise<Date | null> {
    const [row] = await executor.rows(
      selectTokenLeasesEnd({ connectionId, credentialId, version, from: firstActiveId(now), now }),
    );
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
