import sql, { type Sql } from 'sql-template-tag';
import {
  defineArrayRows,
  type Element,
  type RowArrays,
  toArrayLiteral,
  toRowArrays,
} from '../../database/array-rows.query.ts';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { KekId } from '../../vault/ids.ts';
import { activeKekSql, insertSecretsSql } from '../../vault/sealed-secret.repository.ts';
import type { SealedSecret } from '../../vault/sealed-secret.ts';
import type { ConnectionId, CredentialId } from '../ids.ts';
import { refreshedFacts, type StoredFacts } from '../status/inspected-connection.repository.ts';
import { CLAIM_ENDS, type OwnClaim } from './claimed-credential.repository.ts';
import { promotedColumns } from './credential-version.repository.ts';

/**
 * Writes for many credentials in one statement each. They skip rows that another transaction has locked, and those
 * whose claim was lost: neither may hold up or fail the others.
 */

export const MAX_RENEWALS = 64;

/** A claimed row, in the SELECT list's `r`. Never waits for a lock. */
const LOCKED_CLAIM = sql`SELECT c.id, c.claim_id, c.version, c.secret_id, c.token_hash, c.expires_at FROM credential c
    WHERE c.id = r.id AND c.claim_id = r.claim_id AND c.version = r.version`;

/** A token to store as the pending version of a credential. */
export interface StoredVersion extends OwnClaim {
  sealed: SealedSecret;
  tokenHash: Buffer;
  reportedExpiresAt: Date | null;
  reportedScopes: string[] | null;
}

const STORED_COLUMNS = {
  id: 'text',
  claim_id: 'text',
  version: 'integer',
  secret_id: 'text',
  wrapped_key: 'bytea',
  ciphertext: 'bytea',
  token_hash: 'bytea',
  reported_expires_at: 'timestamptz',
  /** An array literal, because arrays of arrays must have one length. */
  reported_scopes: 'text',
} as const;
type StoredColumn = keyof typeof STORED_COLUMNS;
const storedRows = defineArrayRows<StoredColumn>('r', STORED_COLUMNS, MAX_RENEWALS);

const insertAllPending = defineStatement<
  { kekId: KekId; rows: RowArrays<StoredColumn>; now: Date },
  { credential_id: CredentialId | null }
>(
  'pending_insert_all',
  ({ kekId, rows, now }) => sql`WITH kek AS (${activeKekSql(kekId)}),
      locked AS MATERIALIZED (SELECT r.*, kek.id AS kek_id FROM kek CROSS JOIN ${storedRows(rows)}
        CROSS JOIN LATERAL (${LOCKED_CLAIM} FOR UPDATE SKIP LOCKED) own),
      versions AS (INSERT INTO credential_version
        (credential_id, version, state, secret_id, token_hash, expires_at, scopes, origin, claim_id, created_at)
        SELECT id, version + 1, 'pending', secret_id, token_hash, reported_expires_at, reported_scopes::text[], 'refresh', claim_id,
          ${now}::timestamptz FROM locked
        ON CONFLICT DO NOTHING RETURNING credential_id, secret_id),
      secrets AS (${insertSecretsSql(sql`SELECT r.secret_id, r.kek_id, r.wrapped_key, r.ciphertext, ${now}::timestamptz
        FROM locked r JOIN versions USING (secret_id)`)} RETURNING id)
    SELECT versions.credential_id FROM kek LEFT JOIN (versions JOIN secrets ON secrets.id = versions.secret_id) ON true`,
  { prepare: true },
);

/** What is written as a pending version begins to serve. The facts go to the connection if this is its root. */
export interface PromotedVersion extends OwnClaim, StoredFacts {
  connectionId: ConnectionId;
  isRoot: boolean;
  issuedAt: Date | null;
  expiresAt: Date | null;
  nextRefreshAt: Date | null;
  nextCheckAt: Date;
  /** As known to the claim. */
  refreshAfter: Date | null;
  checkDueAt: Date | null;
}

const PROMOTED_COLUMNS = {
  id: 'text',
  claim_id: 'text',
  version: 'integer',
  connection_id: 'text',
  is_root: 'boolean',
  lost_scopes: 'text',
  missing_reason: 'text',
  are_scopes_known: 'boolean',
  is_data_access_known: 'boolean',
  new_data_access: 'timestamptz',
  new_notice_due: 'timestamptz',
  new_scopes: 'text',
  new_issued: 'timestamptz',
  new_expiry: 'timestamptz',
  next_refresh: 'timestamptz',
  next_check: 'timestamptz',
  known_refresh_after: 'timestamptz',
  known_check_due: 'timestamptz',
} as const;
type PromotedColumn = keyof typeof PROMOTED_COLUMNS;
const promotedRows = defineArrayRows<PromotedColumn>('r', PROMOTED_COLUMNS, MAX_RENEWALS);

/**
 * Connections first, in the lock order of connecting and revoking. Also those of Pages: the batch of their root holds
 * the connection while it waits for the Pages' rows to make them due, so a batch with a Page that did not hold the
 * connection could deadlock with it.
 */
function lockedClaims(rows: RowArrays<PromotedColumn>): Sql {
  return sql`SELECT r.*, own.secret_id AS old_secret_id, own.token_hash AS old_token_hash, own.expires_at AS old_expires_at
      FROM ${promotedRows(rows)}
      CROSS JOIN LATERAL (SELECT n.id FROM connection n WHERE n.id = r.connection_id AND (NOT r.is_root OR n.status = 'active')
        FOR UPDATE SKIP LOCKED) owner
      CROSS JOIN LATERAL (${LOCKED_CLAIM} FOR UPDATE SKIP LOCKED) own`;
}

const promoteVersions = defineStatement<{ rows: RowArrays<PromotedColumn>; now: Date }, { id: CredentialId }>(
  'credential_promote_all',
  ({ rows, now }) => sql`WITH locked AS MATERIALIZED (${lockedClaims(rows)}),
      pending AS (DELETE FROM credential_version v USING locked r
        WHERE v.credential_id = r.id AND v.version = r.version + 1 AND v.state = 'pending' RETURNING v.credential_id, v.secret_id, v.token_hash),
      kept AS (INSERT INTO credential_version (credential_id, version, state, secret_id, token_hash, expires_at, created_at)
        SELECT r.id, r.version, 'previous', r.old_secret_id, r.old_token_hash, r.old_expires_at, ${now}::timestamptz
        FROM locked r JOIN pending ON pending.credential_id = r.id WHERE r.old_secret_id IS NOT NULL),
      owners AS (UPDATE connection n SET updated_at = ${now}, ${refreshedFacts(
        {
          scopes: sql`r.new_scopes::text[]`,
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
      scopes: sql`r.new_scopes::text[]`,
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

/**
 * Stores tokens sealed under one KEK with their pending versions. Returns the credentials of those that were stored;
 * null, having stored none, if the KEK is no longer active.
 */
export async function insertPendingVersions(
  executor: SqlExecutor,
  versions: readonly StoredVersion[],
  now: Date,
): Promise<Set<CredentialId> | null> {
  const [first] = versions;
  if (first === undefined) return new Set();
  const rows = toRowArrays(STORED_COLUMNS, versions.map(toStoredRow));
  const stored = await executor.rows(insertAllPending({ kekId: first.sealed.kekId, rows, now }));
  return stored.length === 0 ? null : new Set(stored.flatMap(({ credential_id }) => credential_id ?? []));
}

/** Makes pending versions of active connections serve, and ends their claims. Returns the credentials changed. */
export async function promotePendingVersions(
  executor: SqlExecutor,
  versions: readonly PromotedVersion[],
  now: Date,
): Promise<Set<CredentialId>> {
  const rows = toRowArrays(PROMOTED_COLUMNS, versions.map(toPromotedRow));
  const promoted = await executor.rows(promoteVersions({ rows, now }));
  return new Set(promoted.map(({ id }) => id));
}

function toStoredRow(of: StoredVersion): Record<StoredColumn, Element> {
  return {
    id: of.id,
    claim_id: of.claimId,
    version: of.version,
    secret_id: of.sealed.id,
    wrapped_key: of.sealed.wrappedKey,
    ciphertext: of.sealed.ciphertext,
    token_hash: of.tokenHash,
    reported_expires_at: of.reportedExpiresAt,
    reported_scopes: of.reportedScopes === null ? null : toArrayLiteral(of.reportedScopes),
  };
}

function toPromotedRow(of: PromotedVersion): Record<PromotedColumn, Element> {
  return {
    id: of.id,
    claim_id: of.claimId,
    version: of.version,
    connection_id: of.connectionId,
    is_root: of.isRoot,
    lost_scopes: toArrayLiteral(of.lostScopes),
    missing_reason: of.missingReason,
    are_scopes_known: of.areScopesKnown,
    is_data_access_known: of.isDataAccessKnown,
    new_data_access: of.dataAccessExpiresAt,
    new_notice_due: of.noticeDueAt,
    new_scopes: toArrayLiteral(of.scopes),
    new_issued: of.issuedAt,
    new_expiry: of.expiresAt,
    next_refresh: of.nextRefreshAt,
    next_check: of.nextCheckAt,
    known_refresh_after: of.refreshAfter,
    known_check_due: of.checkDueAt,
  };
}
