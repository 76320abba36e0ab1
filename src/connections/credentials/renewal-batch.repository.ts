import sql, { type Sql } from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { SecretId } from '../../vault/ids.ts';
import type { ClaimId, ConnectionId, CredentialId } from '../ids.ts';
import { refreshedFacts } from '../status/inspected-connection.repository.ts';
import { CLAIM_ENDS } from './claimed-credential.repository.ts';
import { promotedColumns } from './credential-version.repository.ts';

/**
 * Writes for many credentials in one statement each. They skip rows that another transaction has locked, and those
 * whose claim was lost: neither may hold up or fail the others. Rows travel as JSON, because arrays of arrays of
 * different lengths can't be parameters.
 */

/** A claimed row, in the SELECT list's `r`. Waits for nobody. */
const LOCKED_CLAIM = sql`SELECT c.id, c.claim_id, c.version, c.secret_id, c.token_hash, c.expires_at FROM credential c
    WHERE c.id = r.id AND c.claim_id = r.claim_id AND c.version = r.version`;

/** Dates are ISO 8601, bytes hexadecimal as Postgres reads them. */
export interface StoredVersionRow {
  id: CredentialId;
  claim_id: ClaimId;
  version: number;
  secret_id: SecretId;
  token_hash: string;
  reported_expires_at: Date | null;
  reported_scopes: string[] | null;
}

const insertAllPending = defineStatement<{ rows: string; now: Date }, { credential_id: CredentialId }>(
  'pending_insert_all',
  ({ rows, now }) => sql`INSERT INTO credential_version
      (credential_id, version, state, secret_id, token_hash, expires_at, scopes, origin, claim_id, created_at)
    SELECT own.id, own.version + 1, 'pending', r.secret_id, r.token_hash, r.reported_expires_at, r.reported_scopes, 'refresh',
      own.claim_id, ${now}::timestamptz
    FROM json_to_recordset(${rows}::json) AS r (id text, claim_id text, version integer, secret_id text, token_hash bytea,
        reported_expires_at timestamptz, reported_scopes text[]),
      LATERAL (${LOCKED_CLAIM} FOR UPDATE SKIP LOCKED) own
    ON CONFLICT DO NOTHING RETURNING credential_id`,
  { prepare: true },
);

export interface PromotedVersionRow {
  id: CredentialId;
  claim_id: ClaimId;
  version: number;
  connection_id: ConnectionId;
  /** Of the connection: facts that count only for its root. */
  is_root: boolean;
  lost_scopes: string[];
  missing_reason: string | null;
  are_scopes_known: boolean;
  is_data_access_known: boolean;
  new_data_access: Date | null;
  new_notice_due: Date | null;
  /** Of the credential. */
  new_scopes: string[];
  new_issued: Date | null;
  new_expiry: Date | null;
  next_refresh: Date | null;
  next_check: Date;
  known_refresh_after: Date | null;
  known_check_due: Date | null;
}

const PROMOTED_COLUMNS = sql`id text, claim_id text, version integer, connection_id text, is_root boolean, lost_scopes text[],
      missing_reason text, are_scopes_known boolean, is_data_access_known boolean, new_data_access timestamptz, new_notice_due timestamptz,
      new_scopes text[], new_issued timestamptz, new_expiry timestamptz, next_refresh timestamptz, next_check timestamptz,
      known_refresh_after timestamptz, known_check_due timestamptz`;

/** Connections first, in the lock order of connecting and revoking. */
function lockedClaims(rows: string): Sql {
  return sql`SELECT r.*, own.secret_id AS old_secret_id, own.token_hash AS old_token_hash, own.expires_at AS old_expires_at
      FROM json_to_recordset(${rows}::json) AS r (${PROMOTED_COLUMNS})
      LEFT JOIN LATERAL (SELECT n.id FROM connection n WHERE n.id = r.connection_id AND r.is_root AND n.status = 'active'
        FOR UPDATE SKIP LOCKED) owner ON true
      CROSS JOIN LATERAL (${LOCKED_CLAIM} AND (NOT r.is_root OR owner.id IS NOT NULL) FOR UPDATE SKIP LOCKED) own`;
}

const promoteVersions = defineStatement<{ rows: string; now: Date }, { id: CredentialId }>(
  'credential_promote_all',
  ({ rows, now }) => sql`WITH locked AS MATERIALIZED (${lockedClaims(rows)}),
      pending AS (DELETE FROM credential_version v USING locked r
        WHERE v.credential_id = r.id AND v.version = r.version + 1 AND v.state = 'pending' RETURNING v.credential_id, v.secret_id, v.token_hash),
      kept AS (INSERT INTO credential_version (credential_id, version, state, secret_id, token_hash, expires_at, created_at)
        SELECT r.id, r.version, 'previous', r.old_secret_id, r.old_token_hash, r.old_expires_at, ${now}::timestamptz
        FROM locked r JOIN pending ON pending.credential_id = r.id WHERE r.old_secret_id IS NOT NULL),
      owners AS (UPDATE connection n SET updated_at = ${now}, ${refreshedFacts(
        {
          scopes: sql`r.new_scopes`,
          lostScopes: sql`r.lost_scopes`,
          missingReason: sql`r.missing_reason`,
          areScopesKnown: sql`r.are_scopes_known`,
          isDataAccessKnown: sql`r.is_data_access_known`,
          dataAccessExpiresAt: sql`r.new_data_access`,
          noticeDueAt: sql`r.new_notice_due`,
        },
        sql`status_reason`,
      )}
        FROM locked r JOIN pending ON pending.credential_id = r.id WHERE r.is_root AND n.id = r.connection_id)
    UPDATE credential c SET ${promotedColumns({
      scopes: sql`r.new_scopes`,
      issuedAt: sql`r.new_issued`,
      expiresAt: sql`r.new_expiry`,
      nextRefreshAt: sql`r.next_refresh`,
      nextCheckAt: sql`r.next_check`,
      refreshAfter: sql`r.known_refresh_after`,
      checkDueAt: sql`r.known_check_due`,
      now,
    })}, ${CLAIM_ENDS}
    FROM locked r JOIN pending ON pending.credential_id = r.id WHERE c.id = r.id RETURNING c.id`,
  { prepare: true },
);

/** Returns the credentials whose version was stored. */
export async function insertPendingVersions(
  executor: SqlExecutor,
  rows: readonly StoredVersionRow[],
  now: Date,
): Promise<Set<CredentialId>> {
  const stored = await executor.rows(insertAllPending({ rows: JSON.stringify(rows), now }));
  return new Set(stored.map(({ credential_id }) => credential_id));
}

/**
 * Makes pending versions serve, of connections that are active, and ends their claims. Returns the credentials for
 * which it did.
 */
export async function promotePendingVersions(
  executor: SqlExecutor,
  rows: readonly PromotedVersionRow[],
  now: Date,
): Promise<Set<CredentialId>> {
  const promoted = await executor.rows(promoteVersions({ rows: JSON.stringify(rows), now }));
  return new Set(promoted.map(({ id }) => id));
}
