import sql, { type Sql } from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { SecretId } from '../../vault/ids.ts';
import type { ConnectionId, CredentialId } from '../ids.ts';
import { CLAIM_ENDS, nextHealthSql } from './claimed-credential.repository.ts';
import type { CredentialKind } from './credential-kind.ts';

interface GrantTargets {
  connectionId: ConnectionId;
  kinds: CredentialKind[];
  subjectIds: string[];
}

function isGrantTarget({ connectionId, kinds, subjectIds }: GrantTargets): Sql {
  return sql`c.connection_id = ${connectionId}
      AND (c.kind, c.subject_id) IN (SELECT kind, id FROM unnest(${kinds}::text[], ${subjectIds}::text[]) AS g (kind, id))`;
}

const lockForGrants = defineStatement<GrantTargets, { id: CredentialId }>(
  'credentials_for_grant_lock',
  (of) => sql`SELECT c.id FROM credential c WHERE ${isGrantTarget(of)} ORDER BY c.id FOR UPDATE`,
);

interface GrantedToRow {
  id: CredentialId;
  kind: CredentialKind;
  subject_id: string;
  version: number;
  token_hash: Buffer | null;
  is_rotation_requested: boolean;
}

const selectForGrants = defineStatement<GrantTargets, GrantedToRow>(
  'credentials_for_grant',
  (
    of,
  ) => sql`SELECT c.id, c.kind, c.subject_id, greatest(c.version, coalesce(max(v.version), 0)) AS version, c.token_hash,
      c.rotation_due_at IS NOT NULL AS is_rotation_requested FROM credential c
    LEFT JOIN credential_version v ON v.credential_id = c.id
    WHERE ${isGrantTarget(of)} GROUP BY c.id`,
);

/** A credential's row after a grant. */
export interface GrantedRow {
  credentialId: CredentialId;
  kind: CredentialKind;
  isRoot: boolean;
  subjectId: string;
  subjectName: string | null;
  version: number;
  secretId: SecretId;
  tokenHash: Buffer;
  scopes: string[];
  issuedAt: Date | null;
  expiresAt: Date | null;
  refreshAfter: Date | null;
  checkDueAt: Date;
}

interface GrantOwner {
  connectionId: ConnectionId;
  tenant: string;
  appId: string;
  now: Date;
}

/** The rows' properties as arrays; each row's scopes as JSON. */
type GrantedColumns = { [K in keyof Omit<GrantedRow, 'scopes'>]: GrantedRow[K][] } & { scopes: string[] };

const upsert = defineStatement<GrantOwner & { rows: GrantedColumns }>(
  'credentials_grant',
  ({
    connectionId,
    tenant,
    appId,
    now,
    rows: of,
  }) => sql`INSERT INTO credential (id, connection_id, tenant, app_id, kind, is_root, subject_id,
      subject_name, version, secret_id, token_hash, scopes, issued_at, expires_at, health, last_checked_at, refresh_after,
      refresh_due_at, check_due_at, created_at, updated_at)
    SELECT g.id, ${connectionId}::text, ${tenant}::text, ${appId}::text, g.kind, g.is_root, g.subject_id, g.subject_name, g.version, g.secret_id,
      g.token_hash, ARRAY(SELECT json_array_elements_text(g.scopes::json)), g.issued_at, g.expires_at, ${nextHealthSql('granted')},
      ${now}::timestamptz, g.refresh_after, g.refresh_after, g.check_due_at, ${now}::timestamptz, ${now}::timestamptz
    FROM unnest(${of.credentialId}::text[], ${of.kind}::text[], ${of.isRoot}::boolean[], ${of.subjectId}::text[],
        ${of.subjectName}::text[], ${of.version}::integer[], ${of.secretId}::text[], ${of.tokenHash}::bytea[], ${of.scopes}::text[],
        ${of.issuedAt}::timestamptz[], ${of.expiresAt}::timestamptz[], ${of.refreshAfter}::timestamptz[],
        ${of.checkDueAt}::timestamptz[])
      AS g (id, kind, is_root, subject_id, subject_name, version, secret_id, token_hash, scopes, issued_at, expires_at, refresh_after,
        check_due_at)
    ON CONFLICT (connection_id, kind, subject_id) DO UPDATE SET tenant = excluded.tenant, is_root = excluded.is_root, subject_name = excluded.subject_name,
      version = excluded.version, secret_id = excluded.secret_id, token_hash = excluded.token_hash, scopes = excluded.scopes,
      issued_at = excluded.issued_at, expires_at = excluded.expires_at, health = excluded.health,
      last_checked_at = excluded.last_checked_at, refresh_after = excluded.refresh_after, refresh_due_at = excluded.refresh_due_at,
      check_due_at = excluded.check_due_at,
      rotation_due_at = CASE WHEN credential.token_hash = excluded.token_hash THEN credential.rotation_due_at END, failure = NULL, failure_attempts = 0, ${CLAIM_ENDS}, updated_at = excluded.updated_at`,
  { prepare: true },
);

/** The current credential that a new token is granted to. */
export interface GrantedToCredential {
  id: CredentialId;
  kind: CredentialKind;
  subjectId: string;
  /** The highest version it ever had. */
  version: number;
  /** Hash of the serving token; null: destroyed. */
  tokenHash: Buffer | null;
  isRotationRequested: boolean;
}

/**
 * Locks the credentials that these subjects' tokens are granted to, so that concurrent work storing tokens either ended
 * before or is lost.
 */
export async function lockCredentialsForGrant(
  executor: SqlExecutor,
  connectionId: ConnectionId,
  subjects: readonly { kind: CredentialKind; subjectId: string }[],
): Promise<GrantedToCredential[]> {
  const kinds = subjects.map(({ kind }) => kind);
  const subjectIds = subjects.map(({ subjectId }) => subjectId);
  await executor.rows(lockForGrants({ connectionId, kinds, subjectIds }));
  const rows = await executor.rows(selectForGrants({ connectionId, kinds, subjectIds }));
  return rows.map(({ id, kind, subject_id: subjectId, version, token_hash: tokenHash, is_rotation_requested }) => {
    return { id, kind, subjectId, version, tokenHash, isRotationRequested: is_rotation_requested };
  });
}

/** Writes a connection's credentials in one statement. Expects each subject once. */
export async function upsertGrantedCredentials(
  executor: SqlExecutor,
  owner: GrantOwner,
  granted: readonly GrantedRow[],
): Promise<void> {
  const { connectionId, tenant, appId, now } = owner;
  await executor.run(upsert({ connectionId, tenant, appId, now, rows: toColumns(granted) }));
}

function toColumns(granted: readonly GrantedRow[]): GrantedColumns {
  return {
    credentialId: granted.map((row) => row.credentialId),
    kind: granted.map((row) => row.kind),
    isRoot: granted.map((row) => row.isRoot),
    subjectId: granted.map((row) => row.subjectId),
    subjectName: granted.map((row) => row.subjectName),
    version: granted.map((row) => row.version),
    secretId: granted.map((row) => row.secretId),
    tokenHash: granted.map((row) => row.tokenHash),
    scopes: granted.map((row) => JSON.stringify(row.scopes)),
    issuedAt: granted.map((row) => row.issuedAt),
    expiresAt: granted.map((row) => row.expiresAt),
    refreshAfter: granted.map((row) => row.refreshAfter),
    checkDueAt: granted.map((row) => row.checkDueAt),
  };
}
