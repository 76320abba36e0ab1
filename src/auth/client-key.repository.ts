import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../database/statement.ts';
import { keyIsValid } from './client-conditions.query.ts';
import type { ClientKeyRow } from './client-row.ts';
import type { ClientId } from './ids.ts';

interface NewClientKey {
  hash: Buffer;
  clientId: ClientId;
  createdAt: Date;
  /** Null: until it is replaced. */
  expiresAt: Date | null;
}

const listStatement = defineStatement<
  { clientIds: readonly ClientId[]; now: Date },
  ClientKeyRow & { client_id: ClientId }
>(
  'client_key_list',
  ({ clientIds, now }) => sql`SELECT k.client_id, k.created_at, k.expires_at, k.last_used_at FROM client_key k
    WHERE k.client_id = ANY (${clientIds}) AND ${keyIsValid(sql`k`, now)} ORDER BY k.created_at, k.hash`,
);

const insertStatement = defineStatement<NewClientKey>(
  'client_key_insert',
  ({ hash, clientId, createdAt, expiresAt }) => sql`INSERT INTO client_key (hash, client_id, created_at, expires_at)
    VALUES (${hash}, ${clientId}, ${createdAt}, ${expiresAt})`,
);

const deleteStatement = defineStatement<{ clientId: ClientId }>(
  'client_key_delete',
  ({ clientId }) => sql`DELETE FROM client_key WHERE client_id = ${clientId}`,
);

const deleteExpiredStatement = defineStatement<{ clientId: ClientId; now: Date }>(
  'client_key_delete_expired',
  ({ clientId, now }) => sql`DELETE FROM client_key WHERE client_id = ${clientId} AND expires_at <= ${now}`,
);

const expireStatement = defineStatement<{ clientId: ClientId; at: Date }>(
  'client_key_expire',
  ({ clientId, at }) => sql`UPDATE client_key SET expires_at = ${at}
    WHERE client_id = ${clientId} AND (expires_at IS NULL OR expires_at > ${at})`,
);

const permanentStatement = defineStatement<{ clientId: ClientId; hash: Buffer }, { client_id: ClientId }>(
  'client_key_permanent',
  ({ clientId, hash }) => sql`SELECT client_id FROM client_key
    WHERE hash = ${hash} AND client_id = ${clientId} AND expires_at IS NULL`,
);

const losingStatement = defineStatement<{ now: Date; until: Date }, { count: number }>(
  'client_losing_key_count',
  ({ now, until }) => sql`SELECT count(*)::int AS count FROM (
    SELECT k.client_id FROM client_key k JOIN client c ON c.id = k.client_id AND c.deleted_at IS NULL
    WHERE ${keyIsValid(sql`k`, now)}
    GROUP BY k.client_id HAVING max(coalesce(k.expires_at, 'infinity')) <= ${until}) losing`,
);

/** The valid keys of clients, oldest first. Never the keys themselves, which are not stored. */
export function listValidKeys(
  executor: SqlExecutor,
  clientIds: readonly ClientId[],
  now: Date,
): Promise<(ClientKeyRow & { client_id: ClientId })[]> {
  return executor.rows(listStatement({ clientIds, now }));
}

export async function insertClientKey(tx: SqlExecutor, key: NewClientKey): Promise<void> {
  await tx.run(insertStatement(key));
}

/** Deletes all keys of a client; returns how many. */
export function deleteClientKeys(tx: SqlExecutor, clientId: ClientId): Promise<number> {
  return tx.run(deleteStatement({ clientId }));
}

export async function deleteExpiredKeys(tx: SqlExecutor, clientId: ClientId, now: Date): Promise<void> {
  await tx.run(deleteExpiredStatement({ clientId, now }));
}

/** Makes the keys of a client expire at `at`, except those that expire earlier. */
export async function expireKeys(tx: SqlExecutor, clientId: ClientId, at: Date): Promise<void> {
  await tx.run(expireStatement({ clientId, at }));
}

/** Whether the client has this key, without an expiry. */
export async function hasPermanentKey(executor: SqlExecutor, clientId: ClientId, hash: Buffer): Promise<boolean> {
  return (await executor.rows(permanentStatement({ clientId, hash }))).length > 0;
}

/** How many clients have a valid key now, but none that is valid after `until`. */
export async function countClientsLosingKey(executor: SqlExecutor, now: Date, until: Date): Promise<number> {
  const [row] = await executor.rows(losingStatement({ now, until }));
  return row?.count ?? 0;
}
