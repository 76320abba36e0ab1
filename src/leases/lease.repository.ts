import sql from 'sql-template-tag';
import { clientCovers, joinClient, joinedClient } from '../auth/client-conditions.query.ts';
import { CLIENT_MAC, type JoinedClient, toStoredClient } from '../auth/client-macs.ts';
import {
  connectionAndCredentialJoins,
  IS_CREDENTIAL_BACKED,
} from '../connections/credentials/leasable-credential.query.ts';
import type { RowMacs } from '../database/row-macs.ts';
import { defineStatement, type SqlExecutor } from '../database/statement.ts';
import type { LeaseId } from './ids.ts';
import { ANCESTORS_STAND, leaseColumns } from './lease-conditions.query.ts';
import { type CoveredLease, LEASE_MAC, type StoredLease } from './lease-mac.ts';

export interface LeaseRecord extends CoveredLease {
  ended_at: Date | null;
  /** Whether its client, policy, connection and ancestors are all still valid. */
  backed: boolean;
  scopes: string[] | null;
}

/** A stored row, with what its MAC and its client's MAC cover. */
export type LeaseRecordRow = LeaseRecord & StoredLease & { client: JoinedClient };

const selectRecord = defineStatement<{ id: LeaseId }, LeaseRecordRow>(
  'lease_record',
  ({ id }) => sql`SELECT ${leaseColumns(sql`l`)}, l.ended_at, k.scopes, ${joinedClient(sql`cl`)} AS client,
      (${IS_CREDENTIAL_BACKED} AND ${clientCovers(sql`cl`, sql`l`)} AND ${ANCESTORS_STAND}) AS backed
    FROM (SELECT * FROM lease WHERE id = ${id} OFFSET 0) l ${joinClient(sql`cl`, sql`l.client_id`)}
      ${connectionAndCredentialJoins({ connectionId: sql`l.connection_id`, credentialId: sql`l.credential_id` })}`,
  { prepare: true },
);

const selectStored = defineStatement<{ ids: readonly LeaseId[] }, StoredLease>(
  'lease_stored',
  ({ ids }) => sql`SELECT ${leaseColumns(sql`l`)} FROM lease l WHERE l.id = ANY (${ids}::text[])`,
  { prepare: true },
);

const endActive = defineStatement<{ id: LeaseId; now: Date }>(
  'lease_end',
  ({ id, now }) =>
    sql`UPDATE lease SET ended_at = ${now} WHERE id = ${id} AND ended_at IS NULL AND expires_at > ${now}`,
  { prepare: true },
);

const selectActive = defineStatement<{ ids: readonly LeaseId[] }, { id: LeaseId }>(
  'lease_select_active',
  ({ ids }) => sql`SELECT id FROM lease WHERE id = ANY (${ids}::text[]) AND ended_at IS NULL`,
);

const endMany = defineStatement<{ ids: readonly LeaseId[]; now: Date }>(
  'lease_end_unrecorded',
  ({ ids, now }) => sql`UPDATE lease SET ended_at = ${now} WHERE id = ANY (${ids}::text[]) AND ended_at IS NULL`,
);

/**
 * Returns a lease if its MAC is valid, else null. If its client's or an ancestor's isn't, the lease is not backed.
 * Ended leases from before MACs have none, and are shown as they were.
 */
export async function findLease(
  executor: Pick<SqlExecutor, 'rows'>,
  macs: RowMacs,
  id: LeaseId,
  now: Date,
): Promise<LeaseRecord | null> {
  const [record] = await acceptRecords(executor, macs, await executor.rows(selectRecord({ id })), now);
  return record ?? null;
}

/** The same for leases already read: returns those that `findLease` would return, in their order. */
export async function acceptRecords(
  executor: Pick<SqlExecutor, 'rows'>,
  macs: RowMacs,
  rows: readonly LeaseRecordRow[],
  now: Date,
): Promise<LeaseRecord[]> {
  const isOld = (row: LeaseRecordRow): boolean => row.mac === null && row.expires_at <= now;
  const genuine = rows.filter((row) => isOld(row) || macs.verify(LEASE_MAC, row));
  const standing = await findWithGenuineAncestors(executor, macs, genuine);
  const isBacked = (row: LeaseRecordRow): boolean =>
    row.backed &&
    (isOld(row) || (macs.verify(CLIENT_MAC, toStoredClient(row.client_id, row.client)) && standing.has(row.id)));
  return genuine.map((row) => ({ ...row, backed: isBacked(row) }));
}

/** Returns which of these leases have only ancestors with valid MACs, or no ancestors. */
async function findWithGenuineAncestors(
  executor: Pick<SqlExecutor, 'rows'>,
  macs: RowMacs,
  leases: readonly CoveredLease[],
): Promise<Set<LeaseId>> {
  const ids = [...new Set(leases.flatMap(({ ancestor_ids: ancestorIds }) => ancestorIds ?? []))];
  const ancestors = ids.length === 0 ? [] : await executor.rows(selectStored({ ids }));
  const genuine = new Set(ancestors.filter((row) => macs.verify(LEASE_MAC, row)).map((row) => row.id));
  const standing = leases.filter(({ ancestor_ids: ancestorIds }) => (ancestorIds ?? []).every((id) => genuine.has(id)));
  return new Set(standing.map(({ id }) => id));
}

/** Returns whether this call ended the lease: false if it had ended or expired. */
export async function endLease(executor: SqlExecutor, id: LeaseId, now: Date): Promise<boolean> {
  return (await executor.run(endActive({ id, now }))) === 1;
}

/** Returns which of these leases exist and haven't been ended. */
export async function listActiveLeases(
  executor: Pick<SqlExecutor, 'rows'>,
  ids: readonly LeaseId[],
): Promise<LeaseId[]> {
  return (await executor.rows(selectActive({ ids }))).map(({ id }) => id);
}

/** Ends leases without an audit entry, whose tokens were never returned to a client. */
export async function endUnrecordedLeases(
  executor: Pick<SqlExecutor, 'rows'>,
  ids: readonly LeaseId[],
  now: Date,
): Promise<void> {
  await executor.rows(endMany({ ids, now }));
}
