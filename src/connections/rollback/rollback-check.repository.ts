import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { SecretId } from '../../vault/ids.ts';
import type { ConnectionId, CredentialId } from '../ids.ts';
import type { ConnectionState } from '../status/connection-state.ts';

/** The fields of a connection that are compared with the audit record. */
export interface CountedConnection extends ConnectionState {
  id: ConnectionId;
}

/** The fields of a credential that are compared with the audit record. */
export interface VersionedCredential {
  id: CredentialId;
  version: number;
}

const selectConnections = defineStatement<{ ids: readonly ConnectionId[] }, CountedConnection>(
  'rollback_connections',
  ({ ids }) => sql`SELECT id, status, generation FROM connection WHERE id = ANY (${ids}::text[])`,
  { prepare: true },
);

const lockConnectionState = defineStatement<{ id: ConnectionId }, CountedConnection>(
  'rollback_connection_lock',
  ({ id }) => sql`SELECT id, status, generation FROM connection WHERE id = ${id} FOR UPDATE`,
);

const lockCredentialVersion = defineStatement<{ id: CredentialId }, VersionedCredential>(
  'rollback_credential_lock',
  ({ id }) => sql`SELECT id, version FROM credential WHERE id = ${id} FOR UPDATE`,
);

const listConnections = defineStatement<{ after: string; limit: number }, CountedConnection>(
  'rollback_connection_list',
  ({ after, limit }) =>
    sql`SELECT id, status, generation FROM connection WHERE id > ${after} ORDER BY id LIMIT ${limit}`,
);

const listCredentials = defineStatement<{ after: string; limit: number }, VersionedCredential>(
  'rollback_credential_list',
  ({ after, limit }) => sql`SELECT id, version FROM credential WHERE id > ${after} ORDER BY id LIMIT ${limit}`,
);

const setGeneration = defineStatement<{ id: ConnectionId; generation: number }>(
  'rollback_connection_generation',
  ({ id, generation }) => sql`UPDATE connection SET generation = ${generation} WHERE id = ${id}`,
);

interface SecretUseRow {
  highest_version: number;
  is_used_elsewhere: boolean;
}

const selectSecretUse = defineStatement<{ id: CredentialId; secretId: SecretId }, SecretUseRow>(
  'rollback_secret_use',
  ({
    id,
    secretId,
  }) => sql`SELECT coalesce((SELECT max(version) FROM credential_version WHERE credential_id = ${id}), 0) AS highest_version,
      EXISTS (SELECT 1 FROM credential_version WHERE credential_id = ${id} AND secret_id = ${secretId})
      OR EXISTS (SELECT 1 FROM token_revocation WHERE credential_id = ${id} AND secret_id = ${secretId})
      OR EXISTS (SELECT 1 FROM provider_revocation WHERE credential_id = ${id} AND secret_id = ${secretId}) AS is_used_elsewhere`,
);

const setResealed = defineStatement<{ id: CredentialId; version: number; secretId: SecretId }>(
  'rollback_credential_resealed',
  ({ id, version, secretId }) =>
    sql`UPDATE credential SET version = ${version}, secret_id = ${secretId} WHERE id = ${id}`,
);

/** Crosses tenants, for code that holds credentials of these connections. */
export function findCountedConnections(
  executor: SqlExecutor,
  ids: readonly ConnectionId[],
): Promise<CountedConnection[]> {
  return executor.rows(selectConnections({ ids }));
}

/**
 * Locks the row until the transaction ends, so that no audit entry about it is committed in the meantime. Null: none.
 */
export async function lockCountedConnection(
  executor: SqlExecutor,
  id: ConnectionId,
): Promise<CountedConnection | null> {
  const [row] = await executor.rows(lockConnectionState({ id }));
  return row ?? null;
}

/** Same for a credential. */
export async function lockVersionedCredential(
  executor: SqlExecutor,
  id: CredentialId,
): Promise<VersionedCredential | null> {
  const [row] = await executor.rows(lockCredentialVersion({ id }));
  return row ?? null;
}

export async function updateGeneration(executor: SqlExecutor, id: ConnectionId, generation: number): Promise<void> {
  await executor.run(setGeneration({ id, generation }));
}

/** A credential's highest version besides the serving one (0: none), and whether a secret is used elsewhere too. */
export async function findSecretUse(
  executor: SqlExecutor,
  id: CredentialId,
  secretId: SecretId,
): Promise<{ highestVersion: number; isUsedElsewhere: boolean }> {
  const [row] = await executor.rows(selectSecretUse({ id, secretId }));
  return { highestVersion: row?.highest_version ?? 0, isUsedElsewhere: row?.is_used_elsewhere ?? true };
}

/** Stores the same token resealed under another version. Keeps the claim. */
export async function updateResealedCredential(
  executor: SqlExecutor,
  resealed: { id: CredentialId; version: number; secretId: SecretId },
): Promise<void> {
  await executor.run(setResealed(resealed));
}

/** Across tenants: up to `limit` connections after the id `after`, in order. */
export function listCountedConnections(
  executor: SqlExecutor,
  after: string,
  limit: number,
): Promise<CountedConnection[]> {
  return executor.rows(listConnections({ after, limit }));
}

/** Across tenants: up to `limit` credentials after the id `after`, in order. */
export function listVersionedCredentials(
  executor: SqlExecutor,
  after: string,
  limit: number,
): Promise<VersionedCredential[]> {
  return executor.rows(listCredentials({ after, limit }));
}
