import sql, { type Sql } from 'sql-template-tag';
import type { SqlExecutor } from '../database/statement.ts';
import { defineStatement } from '../database/statement.ts';
import type { KekId, SecretId } from './ids.ts';

/** A row of `sealed_secret`. */
export interface SealedSecretRow {
  secret_id: SecretId;
  kek_id: KekId;
  wrapped_key: Buffer;
  ciphertext: Buffer;
}

interface NewSealedSecret {
  id: SecretId;
  kekId: KekId;
  wrappedKey: Buffer;
  ciphertext: Buffer;
  createdAt: Date;
}

/** Returns `JOIN sealed_secret <alias> ON …`. May follow LEFT and be extended with AND. */
export function joinSealedSecret(alias: Sql, secretId: Sql): Sql {
  return sql`JOIN LATERAL (SELECT * FROM sealed_secret WHERE id = ${secretId} OFFSET 0) ${alias} ON true`;
}

/** Returns the columns of `SealedSecretRow` except the id. */
export function sealedSecretColumns(alias: Sql): Sql {
  return sql`${alias}.kek_id, ${alias}.wrapped_key, ${alias}.ciphertext`;
}

/** The lock keeps the KEK active until the secret is committed. */
const insertStatement = defineStatement<NewSealedSecret>(
  'sealed_secret_put',
  ({
    id,
    kekId,
    wrappedKey,
    ciphertext,
    createdAt,
  }) => sql`INSERT INTO sealed_secret (id, kek_id, wrapped_key, ciphertext, created_at)
    SELECT ${id}, k.id, ${wrappedKey}, ${ciphertext}, ${createdAt} FROM encryption_key k
    WHERE k.id = ${kekId} AND k.state = 'active' FOR KEY SHARE`,
  { prepare: true },
);

/** Returns a query for the id of a KEK if it is active, locked so that it stays so until the commit. */
export function activeKekSql(kekId: KekId): Sql {
  return sql`SELECT id FROM encryption_key WHERE id = ${kekId} AND state = 'active' FOR KEY SHARE`;
}

/** Returns an INSERT of sealed secrets. `rows` selects id, KEK, wrapped key, ciphertext, and time of each. */
export function insertSecretsSql(rows: Sql): Sql {
  return sql`INSERT INTO sealed_secret (id, kek_id, wrapped_key, ciphertext, created_at) ${rows}`;
}

interface SealedSecretColumns {
  kekId: KekId;
  createdAt: Date;
  ids: SecretId[];
  wrappedKeys: Buffer[];
  ciphertexts: Buffer[];
}

const insertManyStatement = defineStatement<SealedSecretColumns>(
  'sealed_secrets_put',
  ({ kekId, createdAt, ids, wrappedKeys, ciphertexts }) => sql`WITH kek AS (${activeKekSql(kekId)})
    ${insertSecretsSql(sql`SELECT s.id, kek.id, s.wrapped_key, s.ciphertext, ${createdAt}::timestamptz
    FROM kek, unnest(${ids}::text[], ${wrappedKeys}::bytea[], ${ciphertexts}::bytea[]) AS s (id, wrapped_key, ciphertext)`)}`,
  { prepare: true },
);

const selectStatement = defineStatement<{ id: SecretId }, SealedSecretRow>(
  'sealed_secret_get',
  ({ id }) => sql`SELECT id AS secret_id, kek_id, wrapped_key, ciphertext FROM sealed_secret WHERE id = ${id}`,
  { prepare: true },
);

const deleteStatement = defineStatement<{ ids: readonly SecretId[] }>(
  'sealed_secret_delete',
  ({ ids }) => sql`DELETE FROM sealed_secret WHERE id = ANY (${ids})`,
);

/** Stores a secret. Returns false if its KEK is no longer active. */
export async function insertSealedSecret(executor: SqlExecutor, secret: NewSealedSecret): Promise<boolean> {
  return (await executor.run(insertStatement(secret))) === 1;
}

/** Stores secrets under the same KEK in one statement. Returns false, storing none, if it is no longer active. */
export async function insertSealedSecrets(
  executor: SqlExecutor,
  secrets: readonly NewSealedSecret[],
): Promise<boolean> {
  const [first] = secrets;
  if (first === undefined) return true;
  const stored = await executor.run(
    insertManyStatement({
      kekId: first.kekId,
      createdAt: first.createdAt,
      ids: secrets.map(({ id }) => id),
      wrappedKeys: secrets.map(({ wrappedKey }) => wrappedKey),
      ciphertexts: secrets.map(({ ciphertext }) => ciphertext),
    }),
  );
  return stored === secrets.length;
}

export async function findSealedSecret(executor: SqlExecutor, id: SecretId): Promise<SealedSecretRow | null> {
  const [row] = await executor.rows(selectStatement({ id }));
  return row ?? null;
}

export async function deleteSealedSecrets(executor: SqlExecutor, ids: readonly SecretId[]): Promise<void> {
  await executor.run(deleteStatement({ ids }));
}
