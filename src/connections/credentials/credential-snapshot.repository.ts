import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import { joinSealedSecret } from '../../vault/sealed-secret.repository.ts';
import type { ConnectionId, CredentialId } from '../ids.ts';
import { type CredentialSnapshot, type CredentialSnapshotRow, toCredentialSnapshot } from './credential-snapshot.ts';

/** Columns for `toCredentialSnapshot`, with the credential as `c`. */
export const SNAPSHOT_COLUMNS = sql`c.id, c.connection_id, n.tenant, n.product, c.app_id, n.meta_user_id, n.app_scoped_user_id, n.status,
  n.data_access_expires_at, c.kind, c.is_root, c.subject_id, c.version, c.scopes, c.issued_at, c.expires_at, c.health, c.failure,
  c.failure_attempts, c.last_refreshed_at, c.refresh_after, c.refresh_due_at, c.check_due_at, c.rotation_due_at, c.rotation_expires, c.claim_id, c.claimed_until, c.updated_at,
  s.id AS secret_id, s.kek_id, s.wrapped_key, s.ciphertext, s.created_at AS stored_at,
  p.version AS pending_version, p.expires_at AS pending_expires_at, p.scopes AS pending_scopes, p.origin AS pending_origin, ps.id AS pending_secret_id,
  ps.kek_id AS pending_kek_id, ps.wrapped_key AS pending_wrapped_key, ps.ciphertext AS pending_ciphertext`;

/** Joins for these columns. At most one version is pending: the serving one's successor. */
export const SNAPSHOT_JOINS = sql`JOIN connection n ON n.id = c.connection_id
  LEFT ${joinSealedSecret(sql`s`, sql`c.secret_id`)}
  LEFT JOIN credential_version p ON p.credential_id = c.id AND p.version = c.version + 1 AND p.state = 'pending'
  LEFT ${joinSealedSecret(sql`ps`, sql`p.secret_id`)}`;

const selectOne = defineStatement<{ credentialId: CredentialId }, CredentialSnapshotRow>(
  'credential_snapshot',
  ({ credentialId }) =>
    sql`SELECT ${SNAPSHOT_COLUMNS} FROM credential c ${SNAPSHOT_JOINS} WHERE c.id = ${credentialId}`,
  { prepare: true },
);

const selectRoot = defineStatement<{ connectionId: ConnectionId }, CredentialSnapshotRow>(
  'root_credential_snapshot',
  ({ connectionId }) =>
    sql`SELECT ${SNAPSHOT_COLUMNS} FROM credential c ${SNAPSHOT_JOINS} WHERE c.connection_id = ${connectionId} AND c.is_root`,
  { prepare: true },
);

const selectIds = defineStatement<{ connectionId: ConnectionId }, { id: CredentialId }>(
  'credential_ids',
  ({ connectionId }) => sql`SELECT id FROM credential WHERE connection_id = ${connectionId} ORDER BY is_root DESC, id`,
);

/** Reads a credential without claiming it. Null: none. */
export async function findCredential(
  executor: SqlExecutor,
  credentialId: CredentialId,
): Promise<CredentialSnapshot | null> {
  const [row] = await executor.rows(selectOne({ credentialId }));
  return row === undefined ? null : toCredentialSnapshot(row);
}

/** A connection's root credential. Null: none. */
export async function findRootCredential(
  executor: SqlExecutor,
  connectionId: ConnectionId,
): Promise<CredentialSnapshot | null> {
  const [row] = await executor.rows(selectRoot({ connectionId }));
  return row === undefined ? null : toCredentialSnapshot(row);
}

/** Ids of a connection's credentials, root first. */
export async function listCredentialIds(executor: SqlExecutor, connectionId: ConnectionId): Promise<CredentialId[]> {
  return (await executor.rows(selectIds({ connectionId }))).map((row) => row.id);
}
