import sql, { type Sql } from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { KekId, PayloadKeyId, SecretId } from '../ids.ts';
import { joinSealedSecret, sealedSecretColumns } from '../sealed-secret.repository.ts';

/** Whose payloads a key seals: one tenant's (empty: none) on one day (UTC, `2026-11-28`). */
export interface PayloadKeyOwner {
  tenant: string;
  day: string;
}

/** A stored key, which is a sealed secret. `kek_id` is null if the secret is missing. */
export interface PayloadKeyRow extends PayloadKeyOwner {
  id: PayloadKeyId;
  secret_id: SecretId;
  kek_id: KekId | null;
  wrapped_key: Buffer | null;
  ciphertext: Buffer | null;
  /** Created by the current transaction, which may still roll back. */
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
 * Query for the ids that exist, for the statement that stores what they seal. Takes no lock, because all ingestion
 * would contend for the same row: payloads stored while a key is being destroyed are lost with it.
 */
export function existingPayloadKeys(ids: readonly PayloadKeyId[]): Sql {
  return sql`SELECT id FROM payload_key WHERE id = ANY (${ids}::text[])`;
}

/** Like `existingPayloadKeys`, and keeps the keys from being deleted until the transaction ends. */
export function holdPayloadKeys(ids: readonly PayloadKeyId[]): Sql {
  return sql`SELECT id FROM payload_key WHERE id = ANY (${ids}::text[]) FOR KEY SHARE`;
}

/** Relation for a FROM clause, aliased `k`: the keys of days up to `day`. */
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

/**
 * Inserts keys for owners without one and returns their ids. Waits for transactions that insert one for the same owner.
 */
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

/** Locks up to `limit` keys of a tenant. Waits for transactions that are sealing under them. */
export function lockPayloadKeysOfTenant(tx: SqlExecutor, tenant: string, limit: number): Promise<PayloadKeyIdentity[]> {
  return tx.rows(lockOfTenant({ tenant, limit }));
}

/** Locks the keys that no other transaction has locked. */
export function lockPayloadKeys(tx: SqlExecutor, ids: readonly PayloadKeyId[]): Promise<PayloadKeyIdentity[]> {
  return tx.rows(lockByIds({ ids }));
}

/** Destroy their secrets in the same transaction. */
export async function deletePayloadKeys(tx: SqlExecutor, ids: readonly PayloadKeyId[]): Promise<void> {
  await tx.run(deleteByIds({ ids }));
}
