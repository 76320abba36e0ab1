import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { SecretId } from '../../vault/ids.ts';
import type { ConnectionId, CredentialId } from '../ids.ts';
import { CLAIM_ENDS, nextHealthSql } from './claimed-credential.repository.ts';
import type { CredentialKind } from './credential-kind.ts';

const selectForGrants = defineStatement<
  { connectionId: ConnectionId; kinds: CredentialKind[]; subjectIds: string[] },
  { id: CredentialId; kind: CredentialKind; subject_id: string; version: number }
>(
  'credentials_for_grant',
  ({ connectionId, kinds, subjectIds }) => sql`SELECT c.id, c.kind, c.subject_id,
      greatest(c.version, coalesce(max(v.version), 0)) AS version FROM credential c
    LEFT JOIN credential_version v ON v.credential_id = c.id
    WHERE c.connection_id = ${connectionId}
      AND (c.kind, c.subject_id) IN (SELECT kind, id FROM unnest(${kinds}::text[], ${subjectIds}::text[]) AS g (kind, id))
    GROUP BY c.id`,
);

/** One credential of a connection, as a grant leaves it. */
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
  appId: string;
  now: Date;
}

/** The properties of the rows as arrays; the scopes of each as JSON. */
type GrantedColumns = { [K in keyof Omit<GrantedRow, 'scopes'>]: GrantedRow[K][] } & { scopes: string[] };

const upsert = defineStatement<GrantOwner & { rows: GrantedColumns }>(
  'credentials_grant',
  ({
    connectionId,
    appId,
    now,
    rows: of,
  }) => sql`INSERT INTO credential (id, connection_id, app_id, kind, is_root, subject_id,
      subject_name, version, secret_id, token_hash, scopes, issued_at, expires_at, health, last_checked_at, refresh_after,
      refresh_due_at, check_due_at, created_at, updated_at)
    SELECT g.id, ${connectionId}::text, ${appId}::text, g.kind, g.is_root, g.subject_id, g.subject_name, g.version, g.secret_id,
      g.token_hash, ARRAY(SELECT json_array_elements_text(g.scopes::json)), g.issued_at, g.expires_at, ${nextHealthSql('granted')},
      ${now}::timestamptz, g.refresh_after, g.refresh_after, g.check_due_at, ${now}::timestamptz, ${now}::timestamptz
    FROM unnest(${of.credentialId}::text[], ${of.kind}::text[], ${of.isRoot}::boolean[], ${of.subjectId}::text[],
        ${of.subjectName}::text[], ${of.version}::integer[], ${of.secretId}::text[], ${of.tokenHash}::bytea[], ${of.scopes}::text[],
        ${of.issuedAt}::timestamptz[], ${of.expiresAt}::timestamptz[], ${of.refreshAfter}::timestamptz[],
        ${of.checkDueAt}::timestamptz[])
      AS g (id, kind, is_root, subject_id, subject_name, version, secret_id, token_hash, scopes, issued_at, expires_at, refresh_after,
        check_due_at)
    ON CONFLICT (connection_id, kind, subject_id) DO UPDATE SET is_root = excluded.is_root, subject_name = excluded.subject_name,
      version = excluded.version, secret_id = excluded.secret_id, token_hash = excluded.token_hash, scopes = excluded.scopes,
      issued_at = excluded.issued_at, expires_at = excluded.expires_at, health = excluded.health,
      last_checked_at = excluded.last_checked_at, refresh_after = excluded.refresh_after, refresh_due_at = excluded.refresh_due_at,
      check_due_at = excluded.check_due_at, failure = NULL, failure_attempts = 0, ${CLAIM_ENDS}, updated_at = excluded.updated_at`,
  { prepare: true },
);

/** The credentials that tokens of these subjects are granted to, each with the highest version that there ever was of it. */
export async function listCredentialsForGrant(
  executor: SqlExecutor,
  connectionId: ConnectionId,
  subjects: readonly { kind: CredentialKind; subjectId: string }[],
): Promise<{ id: CredentialId; kind: CredentialKind; subjectId: string; version: number }[]> {
  const kinds = subjects.map(({ kind }) => kind);
  const subjectIds = subjects.map(({ subjectId }) => subjectId);
  const rows = await executor.rows(selectForGrants({ connectionId, kinds, subjectIds }));
  return rows.map(({ subject_id: subjectId, ...row }) => ({ ...row, subjectId }));
}

/** Writes the credentials of one connection in one statement. Each subject once. */
export async function upsertGrantedCredentials(
  executor: SqlExecutor,
  owner: GrantOwner,
  granted: readonly GrantedRow[],
): Promise<void> {
  const { connectionId, appId, now } = owner;
  await executor.run(upsert({ connectionId, appId, now, rows: toColumns(granted) }));
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
