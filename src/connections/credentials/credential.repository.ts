import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { SecretId } from '../../vault/ids.ts';
import type { ConnectionId, CredentialId } from '../ids.ts';
import { CLAIM_ENDS, nextHealthSql } from './claimed-credential.repository.ts';
import { queuePendingRotationsOfConnection } from './superseded-token.repository.ts';

interface SecretRow {
  secret_id: SecretId;
}

const deleteVersionsExcept = defineStatement<{ connectionId: ConnectionId; keep: CredentialId[] }, SecretRow>(
  'credential_versions_delete_except',
  ({ connectionId, keep }) => sql`DELETE FROM credential_version v USING credential c
    WHERE v.credential_id = c.id AND c.connection_id = ${connectionId} AND c.id <> ALL (${keep}) RETURNING v.secret_id`,
);

const deleteVersionsOf = defineStatement<{ ids: CredentialId[] }, SecretRow>(
  'credential_versions_delete_of',
  ({ ids }) => sql`DELETE FROM credential_version WHERE credential_id = ANY (${ids}) RETURNING secret_id`,
);

const deleteByIds = defineStatement<{ ids: CredentialId[] }, { secret_id: SecretId | null }>(
  'credentials_delete',
  ({ ids }) => sql`DELETE FROM credential WHERE id = ANY (${ids}) AND NOT is_root RETURNING secret_id`,
);

const deleteExcept = defineStatement<
  { connectionId: ConnectionId; keep: CredentialId[] },
  { secret_id: SecretId | null }
>(
  'credentials_delete_except',
  ({ connectionId, keep }) =>
    sql`DELETE FROM credential WHERE connection_id = ${connectionId} AND id <> ALL (${keep}) RETURNING secret_id`,
);

const lockServing = defineStatement<{ connectionId: ConnectionId }, SecretRow>(
  'serving_secrets_lock',
  ({ connectionId }) =>
    sql`SELECT secret_id FROM credential WHERE connection_id = ${connectionId} AND secret_id IS NOT NULL FOR UPDATE`,
);

const deleteVersions = defineStatement<{ connectionId: ConnectionId }, SecretRow>(
  'credential_versions_delete',
  ({ connectionId }) => sql`DELETE FROM credential_version v USING credential c
    WHERE v.credential_id = c.id AND c.connection_id = ${connectionId} RETURNING v.secret_id`,
);

const setDestroyed = defineStatement<{ connectionId: ConnectionId; now: Date }>(
  'credentials_destroyed',
  ({
    connectionId,
    now,
  }) => sql`UPDATE credential SET secret_id = NULL, token_hash = NULL, health = ${nextHealthSql('destroyed')},
      ${CLAIM_ENDS}, refresh_after = NULL, refresh_due_at = NULL, check_due_at = NULL, rotation_due_at = NULL, updated_at = ${now}
    WHERE connection_id = ${connectionId}`,
);

const clearSecrets = defineStatement<{ connectionId: ConnectionId }>(
  'credential_secrets_clear',
  ({ connectionId }) =>
    sql`UPDATE credential SET secret_id = NULL WHERE connection_id = ${connectionId} AND secret_id IS NOT NULL`,
);

const clearRoot = defineStatement<{ connectionId: ConnectionId }>(
  'credential_root_clear',
  ({ connectionId }) => sql`UPDATE credential SET is_root = false WHERE connection_id = ${connectionId}`,
);

const setPagesDue = defineStatement<{ connectionIds: readonly ConnectionId[]; now: Date }>(
  'pages_due',
  ({ connectionIds, now }) => sql`UPDATE credential SET refresh_after = ${now}, refresh_due_at = ${now}
    WHERE connection_id = ANY (${connectionIds}) AND kind = 'page' AND secret_id IS NOT NULL`,
  { prepare: true },
);

const stopRefreshes = defineStatement<{ connectionId: ConnectionId; now: Date }>(
  'credential_refreshes_stop',
  ({ connectionId, now }) => sql`UPDATE credential SET refresh_due_at = NULL, updated_at = ${now}
    WHERE connection_id = ${connectionId} AND refresh_due_at IS NOT NULL`,
);

const resumeRefreshes = defineStatement<{ connectionId: ConnectionId; now: Date }>(
  'credential_refreshes_resume',
  ({ connectionId, now }) => sql`UPDATE credential SET refresh_due_at = refresh_after, updated_at = ${now}
    WHERE connection_id = ${connectionId} AND refresh_after IS NOT NULL`,
);

const setDead = defineStatement<{ credentialId: CredentialId; version: number; nextCheckAt: Date | null; now: Date }>(
  'credential_dead',
  ({
    credentialId,
    version,
    nextCheckAt,
    now,
  }) => sql`UPDATE credential SET health = ${nextHealthSql('found_dead')}, failure = NULL,
      failure_attempts = 0, last_checked_at = ${now}, refresh_due_at = NULL, rotation_due_at = NULL, check_due_at = ${nextCheckAt},
      ${CLAIM_ENDS},
      updated_at = ${now}
    WHERE id = ${credentialId} AND version = ${version}`,
);

const lockServingRoot = defineStatement<{ credentialId: CredentialId; version: number }, { id: CredentialId }>(
  'serving_root_lock',
  ({ credentialId, version }) =>
    sql`SELECT id FROM credential WHERE id = ${credentialId} AND version = ${version} AND is_root FOR UPDATE`,
);

/** Deletes these credentials, except roots. Returns the ids of their sealed secrets. */
export async function deleteCredentials(executor: SqlExecutor, ids: CredentialId[]): Promise<SecretId[]> {
  const versions = await executor.rows(deleteVersionsOf({ ids }));
  const credentials = await executor.rows(deleteByIds({ ids }));
  return [...versions, ...credentials].flatMap((row) => row.secret_id ?? []);
}

/** Deletes a connection's credentials not in `keep`. Returns the ids of their sealed secrets. */
export async function deleteCredentialsExcept(
  executor: SqlExecutor,
  connectionId: ConnectionId,
  keep: CredentialId[],
  now: Date,
): Promise<SecretId[]> {
  await executor.rows(lockServing({ connectionId }));
  await queuePendingRotationsOfConnection(executor, connectionId, now);
  const versions = await executor.rows(deleteVersionsExcept({ connectionId, keep }));
  const credentials = await executor.rows(deleteExcept({ connectionId, keep }));
  return [...versions, ...credentials].flatMap((row) => row.secret_id ?? []);
}

/** Clears tokens, claims, and due dates of a connection's credentials. Returns the ids of their sealed secrets. */
export async function detachSecrets(executor: SqlExecutor, connectionId: ConnectionId, now: Date): Promise<SecretId[]> {
  // Lock first, so that a refresh storing a token either ended before or is lost.
  const serving = await executor.rows(lockServing({ connectionId }));
  await queuePendingRotationsOfConnection(executor, connectionId, now);
  const versions = await executor.rows(deleteVersions({ connectionId }));
  await executor.run(setDestroyed({ connectionId, now }));
  return [...versions, ...serving].map((row) => row.secret_id);
}

/** Call once the token kept for revocation is gone. */
export async function clearCredentialSecrets(executor: SqlExecutor, connectionId: ConnectionId): Promise<void> {
  await executor.run(clearSecrets({ connectionId }));
}

/** Call before another credential becomes the root. */
export async function clearRootCredential(executor: SqlExecutor, connectionId: ConnectionId): Promise<void> {
  await executor.run(clearRoot({ connectionId }));
}

/** New user tokens of these connections make the Page tokens derived from them due. */
export async function makePageCredentialsDue(
  executor: SqlExecutor,
  connectionIds: readonly ConnectionId[],
  now: Date,
): Promise<void> {
  if (connectionIds.length > 0) await executor.run(setPagesDue({ connectionIds, now }));
}

/** Stops refreshes while the connection needs its user. */
export async function stopCredentialRefreshes(
  executor: SqlExecutor,
  connectionId: ConnectionId,
  now: Date,
): Promise<void> {
  await executor.run(stopRefreshes({ connectionId, now }));
}

/** Reschedules refreshes that were stopped; planned ones keep their time. */
export async function resumeCredentialRefreshes(
  executor: SqlExecutor,
  connectionId: ConnectionId,
  now: Date,
): Promise<void> {
  await executor.run(resumeRefreshes({ connectionId, now }));
}

/** False if another version serves. `nextCheckAt` null: the token can't recover. */
export async function updateDeadCredential(
  executor: SqlExecutor,
  of: { credentialId: CredentialId; version: number; nextCheckAt: Date | null; now: Date },
): Promise<boolean> {
  return (await executor.run(setDead(of))) === 1;
}

/** Locks the credential. Whether this version still serves as the connection's root. */
export async function lockServingRootCredential(
  executor: SqlExecutor,
  credentialId: CredentialId,
  version: number,
): Promise<boolean> {
  return (await executor.rows(lockServingRoot({ credentialId, version }))).length > 0;
}
