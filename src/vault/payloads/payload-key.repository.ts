import sql, { type Sql } from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { KekId, PayloadKeyId, SecretId } from '../ids.ts';
import { joinSealedSecret, sealedSecretColumns } from '../sealed-secret.repository.ts';

/** Whose payloads a key seals: those of one tenant (empty: of none) and of one day (UTC, `2026-11-28`). */
export interface PayloadKeyOwner {
  tenant: string;
  day: string;
}

/** A key as it is stored: a sealed secret. `kek_id` null: the secret is gone. */
export interface PayloadKeyRow extends PayloadKeyOwner {
  id: PayloadKeyId;
  secret_id: SecretId;
  kek_id: KekId | null;
  wrapped_key: Buffer | null;
  ciphertext: Buffer | null;
  /** This very transaction made it, which may still be rolled back. */
  is_uncommitted: boolean;
}

type PayloadKeyIdentity = Pick<PayloadKeyRow, 'id' | 'secret_id'>;

const COLUMNS = sql`k.id, k.tenant, k.day::text AS day, k.secret_id, ${sealedSecretColumns(sql`s`)},
  coalesce(k.xmin = pg_current_xact_id_if_assigned()::xid, false) AS is_uncommitted`;

const selectByOwners = defineStatement<{ tenants: readonly string[]; days: readonly string[] }, PayloadKeyRow>(
  'payload_key_by_owners',
  ({ tenants, days }) => sql`SELECT ${COLUMNS} FROM unnest(${tenants}::text[], ${days}::date[]) AS w (tenant, day)
    JOIN payload_key k ON k.tenant = w.tenant AND k.day = w.day LEFT ${joinSealedSecret(sql`s`, sql`k.secret_id`)}`,
);

const selectById = defineStatement<{ id: PayloadKeyId }, PayloadKeyRow>(
  'payload_key_by_id',
  ({ id }) =>
    sql`SELECT ${COLUMNS} FROM payload_key k LEFT ${joinSealedSecret(sql`s`, sql`k.secret_id`)} WHERE k.id = ${id}`,
  { prepare: true },
);

const insertKeys = defineStatement<
  {
    ids: readonly PayloadKeyId[];
    tenants: readonly string[];
    days: readonly string[];
    secretIds: readonly SecretId[];
    now: Date;
  },
  { id: PayloadKeyId }
>(
  'payload_key_insert',
  ({ ids, tenants, days, secretIds, now }) => sql`INSERT INTO payload_key (id, tenant, day, secret_id, created_at)
    SELECT id, tenant, day, secret_id, ${now}::timestamptz
    FROM unnest(${ids}::text[], ${tenants}::text[], ${days}::date[], ${secretIds}::text[]) AS n (id, tenant, day, secret_id)
    ORDER BY tenant COLLATE "C", day ON CONFLICT (tenant, day) DO NOTHING RETURNING id`,
);

const lockOfTenant = defineStatement<{ tenant: string; limit: number }, PayloadKeyIdentity>(
  'payload_key_lock_of_tenant',
  ({ tenant, limit }) =>
    sql`SELECT id, secret_id FROM payload_key WHERE tenant = ${tenant} ORDER BY id LIMIT ${limit} FOR UPDATE`,
);

const lockByIds = defineStatement<{ ids: readonly PayloadKeyId[] }, PayloadKeyIdentity>(
  'payload_key_lock',
  ({ ids }) =>
    sql`SELECT id, secret_id FROM payload_key WHERE id = ANY (${ids}::text[]) ORDER BY id FOR UPDATE SKIP LOCKED`,
);

const deleteByIds = defineStatement<{ ids: readonly PayloadKeyId[] }>(
  'payload_key_delete',
  ({ ids }) => sql`DELETE FROM payload_key WHERE id = ANY (${ids}::text[])`,
);

/**
 * Those of these keys that are there: for the statement that stores what they seal. Without a lock, which all ingestion would take on the same
 * row: what was under way while a key is destroyed is destroyed with it.
 */
export function existingPayloadKeys(ids: readonly PayloadKeyId[]): Sql {
  return sql`SELECT id FROM payload_key WHERE id = ANY (${ids}::text[])`;
}

/** The same, and nobody can delete them until the transaction ends. */
export function holdPayloadKeys(ids: readonly PayloadKeyId[]): Sql {
  return sql`SELECT id FROM payload_key WHERE id = ANY (${ids}::text[]) FOR KEY SHARE`;
}

/** `payload_key <alias>` of days up to `day`: a relation of a FROM clause. */
export function payloadKeysUntil(day: string): Sql {
  return sql`(SELECT id, tenant FROM payload_key WHERE day <= ${day}::date) k`;
}

export function findPayloadKeys(executor: SqlExecutor, owners: readonly PayloadKeyOwner[]): Promise<PayloadKeyRow[]> {
  return executor.rows(
    selectByOwners({ tenants: owners.map(({ tenant }) => tenant), days: owners.map(({ day }) => day) }),
  );
}

export async function findPayloadKey(executor: SqlExecutor, id: PayloadKeyId): Promise<PayloadKeyRow | null> {
  const [row] = await executor.rows(selectById({ id }));
  return row ?? null;
}

/** Stores new keys; the ids of those whose owners had none. Waits for other transactions that store one for the same owner. */
export async function insertPayloadKeys(
  executor: SqlExecutor,
  keys: readonly (PayloadKeyOwner & { id: PayloadKeyId; secretId: SecretId })[],
  now: Date,
): Promise<Set<PayloadKeyId>> {
  const rows = await executor.rows(
    insertKeys({
      ids: keys.map(({ id }) => id),
      tenants: keys.map(({ tenant }) => tenant),
      days: keys.map(({ day }) => day),
      secretIds: keys.map(({ secretId }) => secretId),
      now,
    }),
  );
  return new Set(rows.map(({ id }) => id));
}

/** Locks up to `limit` keys of a tenant; waits for transactions that are sealing under them. */
export function lockPayloadKeysOfTenant(tx: SqlExecutor, tenant: string, limit: number): Promise<PayloadKeyIdentity[]> {
  return tx.rows(lockOfTenant({ tenant, limit }));
}

/** Locks those of these keys that nobody uses right now. */
export function lockPayloadKeys(tx: SqlExecutor, ids: readonly PayloadKeyId[]): Promise<PayloadKeyIdentity[]> {
  return tx.rows(lockByIds({ ids }));
}

/** Their secrets have to be destroyed in the same transaction. */
export async function deletePayloadKeys(tx: SqlExecutor, ids: readonly PayloadKeyId[]): Promise<void> {
  await tx.run(deleteByIds({ ids }));
}
