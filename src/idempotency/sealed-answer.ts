import type { SqlExecutor } from '../database/statement.ts';
import { SecretString } from '../platform/secret-string.ts';
import type { SecretId } from '../vault/ids.ts';
import { DecryptionError, type SealContext } from '../vault/sealed-secret.ts';
import type { Vault } from '../vault/vault.ts';
import type { IdempotencyKeyRow, IdempotentRequest } from './idempotency-key.repository.ts';

/** The answer to a request that created something: 201 with `Location`. */
export interface CreatedAnswer<B> {
  /** Path of what was created. */
  location: string;
  /** JSON. May hold a secret that is shown only once. */
  body: B;
}

/** Stores an answer, sealed for this client, path, key, and body. Returns its id. */
export function sealAnswer<B>(
  vault: Vault,
  executor: SqlExecutor,
  request: IdempotentRequest,
  answer: CreatedAnswer<B>,
): Promise<SecretId> {
  return vault.put(executor, new SecretString(JSON.stringify(answer)), contextOf(request));
}

/** Returns null if there is no answer. Throws `DecryptionError` if it was altered, moved, or destroyed. */
export async function openAnswer<B>(
  vault: Vault,
  request: IdempotentRequest,
  { secret_id, kek_id, wrapped_key, ciphertext }: IdempotencyKeyRow,
): Promise<CreatedAnswer<B> | null> {
  if (secret_id === null) return null;
  if (kek_id === null || wrapped_key === null || ciphertext === null) throw new DecryptionError(secret_id);
  const sealed = { secret_id, kek_id, wrapped_key, ciphertext };
  return JSON.parse((await vault.open(sealed, contextOf(request))).expose()) as CreatedAnswer<B>;
}

function contextOf({ keyHash, bodyHash }: IdempotentRequest): SealContext {
  return ['idempotency_key', keyHash.toString('hex'), bodyHash.toString('hex')];
}
