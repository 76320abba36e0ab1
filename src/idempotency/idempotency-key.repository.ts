import sql from 'sql-template-tag';
import type { CallerId } from '../auth/ids.ts';
import { defineStatement, type SqlExecutor } from '../database/statement.ts';
import type { KekId, SecretId } from '../vault/ids.ts';
import { joinSealedSecret, sealedSecretColumns } from '../vault/sealed-secret.repository.ts';

/** Identifies a request: keyed hashes of client, path, and key, and of the body. */
export interface IdempotentRequest {
  keyHash: Buffer;
  bodyHash: Buffer;
  clientId: CallerId;
  /** When it arrived. */
  at: Date;
}

/** The stored state of a key, with its sealed answer (null: none). */
export interface IdempotencyKeyRow {
  body_hash: Buffer;
  created_at: Date;
  /** The sealed answer. */
  secret_id: SecretId | null;
  /** Id of what a request of several transactions created. */
  resource_id: string | null;
  /** Set until such a request ends. */
  running_until: Date | null;
  kek_id: KekId | null;
  wrapped_key: Buffer | null;
  ciphertext: Buffer | null;
}

interface RemovedRow {
  secret_id: SecretId | null;
}

const selectKey = defineStatement<{ keyHash: Buffer }, IdempotencyKeyRow>(
  'idempotency_key_find',
  ({ keyHash }) => sql`SELECT k.body_hash, k.created_at, k.secret_id, k.resource_id, k.running_until,
      ${sealedSecretColumns(sql`s`)}
    FROM idempotency_key k LEFT ${joinSealedSecret(sql`s`, sql`k.secret_id`)} WHERE k.key_hash = ${keyHash}`,
);

const insertKey = defineStatement<IdempotentRequest>(
  'idempotency_key_insert',
  ({ keyHash, bodyHash, clientId, at }) => sql`INSERT INTO idempotency_key (key_hash, client_id, body_hash, created_at)
    VALUES (${keyHash}, ${clientId}, ${bodyHash}, ${at}) ON CONFLICT (key_hash) DO NOTHING`,
);

const setAnswer = defineStatement<{ keyHash: Buffer; secretId: SecretId }>(
  'idempotency_key_answer',
  ({ keyHash, secretId }) => sql`UPDATE idempotency_key SET secret_id = ${secretId} WHERE key_hash = ${keyHash}`,
);

const claimKey = defineStatement<IdempotentRequest & { runningUntil: Date }>(
  'idempotency_key_claim',
  ({ keyHash, bodyHash, clientId, at, runningUntil }) => sql`INSERT INTO idempotency_key AS k
      (key_hash, client_id, body_hash, created_at, running_until)
    VALUES (${keyHash}, ${clientId}, ${bodyHash}, ${at}, ${runningUntil})
    ON CONFLICT (key_hash) DO UPDATE SET running_until = excluded.running_until
    WHERE k.body_hash = excluded.body_hash AND k.resource_id IS NULL AND k.running_until <= ${at}`,
);

const setResource = defineStatement<IdempotentRequest & { resourceId: string }>(
  'idempotency_key_resource',
  ({ keyHash, bodyHash, clientId, at, resourceId }) => sql`INSERT INTO idempotency_key
      (key_hash, client_id, body_hash, created_at, resource_id)
    VALUES (${keyHash}, ${clientId}, ${bodyHash}, ${at}, ${resourceId})
    ON CONFLICT (key_hash) DO UPDATE SET resource_id = excluded.resource_id, running_until = NULL`,
);

const deleteClaim = defineStatement<{ keyHash: Buffer }>(
  'idempotency_key_abandon',
  ({ keyHash }) => sql`DELETE FROM idempotency_key
    WHERE key_hash = ${keyHash} AND resource_id IS NULL AND secret_id IS NULL`,
);

const deleteKey = defineStatement<{ keyHash: Buffer; before: Date }, RemovedRow>(
  'idempotency_key_expire',
  ({ keyHash, before }) => sql`DELETE FROM idempotency_key WHERE key_hash = ${keyHash} AND created_at <= ${before}
    RETURNING secret_id`,
);

const deleteKeys = defineStatement<{ before: Date; limit: number }, RemovedRow>(
  'idempotency_key_purge',
  ({ before, limit }) => sql`DELETE FROM idempotency_key WHERE key_hash IN (
      SELECT key_hash FROM idempotency_key WHERE created_at <= ${before} ORDER BY created_at LIMIT ${limit}
      FOR UPDATE SKIP LOCKED)
    RETURNING secret_id`,
);

export async function findIdempotencyKey(executor: SqlExecutor, keyHash: Buffer): Promise<IdempotencyKeyRow | null> {
  const [row] = await executor.rows(selectKey({ keyHash }));
  return row ?? null;
}

/** Waits for another transaction that inserts the same key. Returns false if the key exists. */
export async function insertIdempotencyKey(executor: SqlExecutor, request: IdempotentRequest): Promise<boolean> {
  return (await executor.run(insertKey(request))) === 1;
}

export async function setIdempotencyAnswer(executor: SqlExecutor, keyHash: Buffer, secretId: SecretId): Promise<void> {
  await executor.run(setAnswer({ keyHash, secretId }));
}

/** Marks a request as running. Returns false if it has an answer, is still running, or had another body. */
export async function claimIdempotencyKey(
  executor: SqlExecutor,
  request: IdempotentRequest,
  runningUntil: Date,
): Promise<boolean> {
  return (await executor.run(claimKey({ ...request, runningUntil }))) === 1;
}

export async function setIdempotencyResource(
  executor: SqlExecutor,
  request: IdempotentRequest,
  resourceId: string,
): Promise<void> {
  await executor.run(setResource({ ...request, resourceId }));
}

/** Frees the key of a request that created nothing. */
export async function abandonIdempotencyKey(executor: SqlExecutor, keyHash: Buffer): Promise<void> {
  await executor.run(deleteClaim({ keyHash }));
}

/** Removes a key if it was created before. Returns its sealed answer. */
export async function deleteIdempotencyKey(executor: SqlExecutor, keyHash: Buffer, before: Date): Promise<SecretId[]> {
  return toSecretIds(await executor.rows(deleteKey({ keyHash, before })));
}

/** Removes up to `limit` keys created before. Returns how many, and their sealed answers. */
export async function deleteIdempotencyKeys(
  executor: SqlExecutor,
  before: Date,
  limit: number,
): Promise<{ removed: number; secretIds: SecretId[] }> {
  const rows = await executor.rows(deleteKeys({ before, limit }));
  return { removed: rows.length, secretIds: toSecretIds(rows) };
}

function toSecretIds(rows: readonly RemovedRow[]): SecretId[] {
  return rows.flatMap(({ secret_id: secretId }) => secretId ?? []);
}
