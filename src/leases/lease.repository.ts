import sql from 'sql-template-tag';
import type { LeaseMode } from '../auth/authenticated-client.ts';
import { clientCovers, joinClient } from '../auth/client-conditions.query.ts';
import type { ClientId } from '../auth/ids.ts';
import {
  connectionAndCredentialJoins,
  IS_CREDENTIAL_BACKED,
} from '../connections/credentials/leasable-credential.query.ts';
import type { ConnectionId, CredentialId } from '../connections/ids.ts';
import { defineStatement, type SqlExecutor } from '../database/statement.ts';
import { firstIdAt } from '../platform/ids.ts';
import type { LeaseId } from './ids.ts';
import { ANCESTORS_STAND } from './lease-conditions.query.ts';

export interface LeaseRecord {
  id: LeaseId;
  mode: LeaseMode;
  secret_hash: Buffer | null;
  client_id: ClientId;
  tenant: string;
  product: string;
  connection_id: ConnectionId;
  credential_id: CredentialId;
  credential_version: number;
  asset_type: string | null;
  asset_id: string | null;
  issued_at: Date;
  expires_at: Date;
  ended_at: Date | null;
  /** Whether client, its policy, connection, and the leases that it ends with still stand behind it. */
  backed: boolean;
  scopes: string[] | null;
}

const selectRecord = defineStatement<{ id: LeaseId }, LeaseRecord>(
  'lease_record',
  ({
    id,
  }) => sql`SELECT l.id, l.mode, l.secret_hash, l.client_id, l.tenant, l.product, l.connection_id, l.credential_id,
      l.credential_version, l.asset_type, l.asset_id, l.issued_at, l.expires_at, l.ended_at, k.scopes,
      (${IS_CREDENTIAL_BACKED} AND ${clientCovers(sql`cl`, sql`l`)} AND ${ANCESTORS_STAND}) AS backed
    FROM lease l ${joinClient(sql`cl`, sql`l.client_id`)}
      ${connectionAndCredentialJoins({ connectionId: sql`l.connection_id`, credentialId: sql`l.credential_id` })}
    WHERE l.id = ${id}`,
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

const deleteExpired = defineStatement<{ firstId: string; expiredBefore: Date; limit: number }>(
  'lease_delete_expired',
  ({ firstId, expiredBefore, limit }) => sql`DELETE FROM lease WHERE id IN (
        SELECT id FROM lease WHERE id < ${firstId} AND expires_at < ${expiredBefore} ORDER BY id LIMIT ${limit} FOR UPDATE SKIP LOCKED)`,
);

export async function findLease(executor: SqlExecutor, id: LeaseId): Promise<LeaseRecord | null> {
  const [record] = await executor.rows(selectRecord({ id }));
  return record ?? null;
}

/** Whether this ended the lease: it was neither ended nor expired. */
export async function endLease(executor: SqlExecutor, id: LeaseId, now: Date): Promise<boolean> {
  return (await executor.run(endActive({ id, now }))) === 1;
}

/** Which of these leases are there and have not been ended. */
export async function listActiveLeases(
  executor: Pick<SqlExecutor, 'rows'>,
  ids: readonly LeaseId[],
): Promise<LeaseId[]> {
  return (await executor.rows(selectActive({ ids }))).map(({ id }) => id);
}

/** Ends leases that no audit entry speaks of; nobody got their tokens. */
export async function endUnrecordedLeases(
  executor: Pick<SqlExecutor, 'rows'>,
  ids: readonly LeaseId[],
  now: Date,
): Promise<void> {
  await executor.rows(endMany({ ids, now }));
}

/** Removes up to `limit` leases that ended before `endedBefore`; how many that was. Their audit entries stay. */
export function deleteExpiredLeases(executor: SqlExecutor, endedBefore: Date, limit: number): Promise<number> {
  const firstId = firstIdAt('lse', endedBefore);
  return executor.run(deleteExpired({ firstId, expiredBefore: endedBefore, limit }));
}
