import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { KekId } from '../ids.ts';

export type KeyPurpose = 'data' | 'audit' | 'lookup';
export const KEK_STATES = ['active', 'decrypt_only', 'retired'] as const;
export type KekState = (typeof KEK_STATES)[number];

/** Advisory lock for creating and rewrapping keys: one replica at a time. */
const KEY_RING_LOCK = 727_002;

export interface EncryptionKeyRow {
  id: KekId;
  purpose: KeyPurpose;
  state: KekState;
  /** Null once retired. */
  wrapped: Buffer | null;
  root_key_id: string;
}

export interface NewEncryptionKey {
  id: KekId;
  purpose: KeyPurpose;
  wrapped: Buffer;
  rootKeyId: string;
  createdAt: Date;
}

const lockStatement = defineStatement<Record<never, never>, { pg_advisory_xact_lock: string }>(
  'key_ring_lock',
  () => sql`SELECT pg_advisory_xact_lock(${KEY_RING_LOCK})`,
);

const selectAllStatement = defineStatement<Record<never, never>, EncryptionKeyRow>(
  'encryption_key_all',
  () => sql`SELECT id, purpose, state, wrapped, root_key_id FROM encryption_key ORDER BY id`,
);

const lockActiveKekStatement = defineStatement<Record<never, never>, Pick<EncryptionKeyRow, 'id' | 'root_key_id'>>(
  'encryption_key_lock_active',
  () => sql`SELECT id, root_key_id FROM encryption_key WHERE purpose = 'data' AND state = 'active' FOR UPDATE`,
);

const activeKekStatement = defineStatement<Record<never, never>, { id: KekId }>(
  'encryption_key_active',
  () => sql`SELECT id FROM encryption_key WHERE purpose = 'data' AND state = 'active'`,
);

const holdActiveKekStatement = defineStatement<{ id: KekId }, { id: KekId }>(
  'encryption_key_hold_active',
  ({ id }) => sql`SELECT id FROM encryption_key WHERE id = ${id} AND state = 'active' FOR KEY SHARE`,
);

/**
 * FOR UPDATE waits for transactions that are sealing under this key and blocks new ones; the lock of an UPDATE doesn't.
 */
const lockKekStatement = defineStatement<{ id: KekId }, { state: KekState }>(
  'encryption_key_lock',
  ({ id }) => sql`SELECT state FROM encryption_key WHERE id = ${id} AND purpose = 'data' FOR UPDATE`,
);

const deactivateStatement = defineStatement<{ id: KekId }>(
  'encryption_key_deactivate',
  ({ id }) => sql`UPDATE encryption_key SET state = 'decrypt_only' WHERE id = ${id}`,
);

const retireStatement = defineStatement<{ id: KekId; now: Date }>(
  'encryption_key_retire',
  ({ id, now }) =>
    sql`UPDATE encryption_key SET state = 'retired', wrapped = NULL, retired_at = ${now} WHERE id = ${id}`,
);

const rewrapStatement = defineStatement<{ id: KekId; wrapped: Buffer; rootKeyId: string }>(
  'encryption_key_rewrap',
  ({ id, wrapped, rootKeyId }) => sql`UPDATE encryption_key SET wrapped = ${wrapped}, root_key_id = ${rootKeyId}
    WHERE id = ${id}`,
);

const insertStatement = defineStatement<NewEncryptionKey>(
  'encryption_key_insert',
  ({ id, purpose, wrapped, rootKeyId, createdAt }) => sql`INSERT INTO encryption_key
      (id, purpose, state, wrapped, root_key_id, created_at)
    VALUES (${id}, ${purpose}, 'active', ${wrapped}, ${rootKeyId}, ${createdAt})`,
);

/** Waits for other replicas that create or rewrap keys. Held until the transaction ends. */
export async function lockKeyRing(tx: SqlExecutor): Promise<void> {
  await tx.run(lockStatement({}));
}

export function readEncryptionKeys(executor: SqlExecutor): Promise<EncryptionKeyRow[]> {
  return executor.rows(selectAllStatement({}));
}

/** Locks and returns the active KEK, after transactions that are sealing under it. */
export async function lockActiveKek(tx: SqlExecutor): Promise<Pick<EncryptionKeyRow, 'id' | 'root_key_id'> | null> {
  const [row] = await tx.rows(lockActiveKekStatement({}));
  return row ?? null;
}

export async function findActiveKekId(executor: SqlExecutor): Promise<KekId | null> {
  const [row] = await executor.rows(activeKekStatement({}));
  return row?.id ?? null;
}

/** Keeps a KEK active until the transaction ends. Returns false if it no longer is. */
export async function holdActiveKek(tx: SqlExecutor, id: KekId): Promise<boolean> {
  return (await tx.rows(holdActiveKekStatement({ id }))).length > 0;
}

/** Locks a KEK and returns its state; null if the id doesn't exist. */
export async function lockKek(tx: SqlExecutor, id: KekId): Promise<KekState | null> {
  const [row] = await tx.rows(lockKekStatement({ id }));
  return row?.state ?? null;
}

/** Makes a KEK decrypt-only. */
export async function deactivateKek(tx: SqlExecutor, id: KekId): Promise<void> {
  await tx.run(deactivateStatement({ id }));
}

/** Destroys the stored key of a KEK. */
export async function retireKek(tx: SqlExecutor, id: KekId, now: Date): Promise<void> {
  await tx.run(retireStatement({ id, now }));
}

/** Replaces the wrapped form of a key with one under another root key. */
export async function rewrapKey(tx: SqlExecutor, id: KekId, wrapped: Buffer, rootKeyId: string): Promise<void> {
  await tx.run(rewrapStatement({ id, wrapped, rootKeyId }));
}

/** Inserts a key as the active one for its purpose. */
export async function insertEncryptionKey(tx: SqlExecutor, key: NewEncryptionKey): Promise<void> {
  await tx.run(insertStatement(key));
}
