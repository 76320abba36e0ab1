import sql from 'sql-template-tag';
import type { RowMacs } from '../database/row-macs.ts';
import { defineStatement, type SqlExecutor } from '../database/statement.ts';
import { keyIsValid } from './client-conditions.query.ts';
import { CLIENT_KEY_MAC } from './client-macs.ts';
import type { ClientKeyRow, StoredClientKeyRow } from './client-row.ts';
import type { ClientId } from './ids.ts';

interface NewClientKey {
  hash: Buffer;
  clientId: ClientId;
  createdAt: Date;
  /** Null: never. */
  expiresAt: Date | null;
}

/** The columns of `client_key k` for `StoredClientKeyRow`. */
const COLUMNS = sql`k.hash, k.client_id, k.created_at, k.expires_at, k.mac`;

const listStatement = defineStatement<
  { clientIds: readonly ClientId[]; now: Date },
  StoredClientKeyRow & Pick<ClientKeyRow, 'last_used_at'>
>(
  'client_key_list',
  ({ clientIds, now }) => sql`SELECT ${COLUMNS}, k.last_used_at FROM client_key k
    WHERE k.client_id = ANY (${clientIds}) AND ${keyIsValid(sql`k`, now)} ORDER BY k.created_at, k.hash`,
);

/** Overwrites any row with this key's hash: only a forged one can exist. */
const insertStatement = defineStatement<NewClientKey & { mac: Buffer }>(
  'client_key_insert',
  ({
    hash,
    clientId,
    createdAt,
    expiresAt,
    mac,
  }) => sql`INSERT INTO client_key (hash, client_id, created_at, expires_at, mac)
    VALUES (${hash}, ${clientId}, ${createdAt}, ${expiresAt}, ${mac})
    ON CONFLICT (hash) DO UPDATE SET client_id = excluded.client_id, created_at = excluded.created_at,
      expires_at = excluded.expires_at, last_used_at = NULL, mac = excluded.mac`,
);

const deleteStatement = defineStatement<{ clientId: ClientId }>(
  'client_key_delete',
  ({ clientId }) => sql`DELETE FROM client_key WHERE client_id = ${clientId}`,
);

const deleteExpiredStatement = defineStatement<{ clientId: ClientId; now: Date }>(
  'client_key_delete_expired',
  ({ clientId, now }) => sql`DELETE FROM client_key WHERE client_id = ${clientId} AND expires_at <= ${now}`,
);

const lockExpiringLaterStatement = defineStatement<{ clientId: ClientId; at: Date }, StoredClientKeyRow>(
  'client_key_lock_expiring_later',
  ({ clientId, at }) => sql`SELECT ${COLUMNS} FROM client_key k
    WHERE k.client_id = ${clientId} AND (k.expires_at IS NULL OR k.expires_at > ${at}) ORDER BY k.hash FOR UPDATE`,
);

const expireStatement = defineStatement<{ hashes: readonly Buffer[]; macs: readonly Buffer[]; at: Date }>(
  'client_key_expire',
  ({ hashes, macs, at }) => sql`UPDATE client_key k SET expires_at = ${at}, mac = w.mac
    FROM unnest(${hashes}::bytea[], ${macs}::bytea[]) AS w (hash, mac) WHERE k.hash = w.hash`,
);

const permanentStatement = defineStatement<{ clientId: ClientId; hash: Buffer }, StoredClientKeyRow>(
  'client_key_permanent',
  ({ clientId, hash }) => sql`SELECT ${COLUMNS} FROM client_key k
    WHERE k.hash = ${hash} AND k.client_id = ${clientId} AND k.expires_at IS NULL`,
);

const losingStatement = defineStatement<{ now: Date; until: Date }, { count: number }>(
  'client_losing_key_count',
  ({ now, until }) => sql`SELECT count(*)::int AS count FROM (
    SELECT k.client_id FROM client_key k JOIN client c ON c.id = k.client_id AND c.deleted_at IS NULL
    WHERE ${keyIsValid(sql`k`, now)}
    GROUP BY k.client_id HAVING max(coalesce(k.expires_at, 'infinity')) <= ${until}) losing`,
);

/** Returns the valid keys of clients, oldest first: hashes and times only. */
export async function listValidKeys(
  executor: SqlExecutor,
  macs: RowMacs,
  clientIds: readonly ClientId[],
  now: Date,
): Promise<(ClientKeyRow & { client_id: ClientId })[]> {
  const rows = await executor.rows(listStatement({ clientIds, now }));
  return rows.filter((row) => macs.verify(CLIENT_KEY_MAC, row));
}

export async function insertClientKey(tx: SqlExecutor, macs: RowMacs, key: NewClientKey): Promise<void> {
  const { hash, clientId, createdAt, expiresAt } = key;
  const row = { hash, client_id: clientId, created_at: createdAt, expires_at: expiresAt };
  await tx.run(insertStatement({ ...key, mac: macs.compute(CLIENT_KEY_MAC, row) }));
}

/** Deletes all keys of a client. Returns how many. */
export function deleteClientKeys(tx: SqlExecutor, clientId: ClientId): Promise<number> {
  return tx.run(deleteStatement({ clientId }));
}

export async function deleteExpiredKeys(tx: SqlExecutor, clientId: ClientId, now: Date): Promise<void> {
  await tx.run(deleteExpiredStatement({ clientId, now }));
}

/**
 * Shortens the life of a client's keys to `at`. The caller holds the client's lock. Skips keys whose MAC doesn't
 * verify, which are useless anyway.
 */
export async function expireKeys(tx: SqlExecutor, macs: RowMacs, clientId: ClientId, at: Date): Promise<void> {
  const rows = await tx.rows(lockExpiringLaterStatement({ clientId, at }));
  const genuine = rows.filter((row) => macs.verify(CLIENT_KEY_MAC, row));
  if (genuine.length === 0) return;
  const expired = genuine.map((row) => macs.compute(CLIENT_KEY_MAC, { ...row, expires_at: at }));
  await tx.run(expireStatement({ hashes: genuine.map(({ hash }) => hash), macs: expired, at }));
}

/** Whether the client has this key and it never expires. */
export async function hasPermanentKey(
  executor: SqlExecutor,
  macs: RowMacs,
  clientId: ClientId,
  hash: Buffer,
): Promise<boolean> {
  const [row] = await executor.rows(permanentStatement({ clientId, hash }));
  return row !== undefined && macs.verify(CLIENT_KEY_MAC, row);
}

/** Counts the clients whose last valid key expires between `now` and `until`. */
export async function countClientsLosingKey(executor: SqlExecutor, now: Date, until: Date): Promise<number> {
  const [row] = await executor.rows(losingStatement({ now, until }));
  return row?.count ?? 0;
}
