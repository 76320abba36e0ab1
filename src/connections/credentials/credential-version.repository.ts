import sql, { type Sql } from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { SecretId } from '../../vault/ids.ts';
import type { CredentialId } from '../ids.ts';
import {
  CLAIM_ENDS,
  madeDueSince,
  nextHealthSql,
  type OwnClaim,
  verificationRequestedSince,
} from './claimed-credential.repository.ts';
import type { VersionOrigin } from './credential-snapshot.ts';
import { hasLeaseOfNewerVersion } from './newer-lease.query.ts';
import { insertTokenRevocations } from './superseded-token.repository.ts';

/**
 * A version is inserted as `pending` or `previous` and later deleted; the serving one is in its credential. So no row
 * changes state. Deletes return the ids of the sealed secrets, which the caller must destroy.
 */
interface SecretRow {
  secret_id: SecretId;
}

export interface PendingVersionParameters extends OwnClaim {
  secretId: SecretId;
  tokenHash: Buffer;
  expiresAt: Date | null;
  scopes: string[] | null;
  origin: VersionOrigin;
  now: Date;
}

const insertPending = defineStatement<PendingVersionParameters & { pendingVersion: number }>(
  'pending_insert',
  (
    of,
  ) => sql`INSERT INTO credential_version (credential_id, version, state, secret_id, token_hash, expires_at, scopes, origin, claim_id, created_at)
    SELECT id, ${of.pendingVersion}, 'pending', ${of.secretId}, ${of.tokenHash}, ${of.expiresAt}, ${of.scopes}, ${of.origin}, claim_id, ${of.now}
    FROM credential WHERE id = ${of.id} AND claim_id = ${of.claimId} AND version = ${of.version}
    FOR UPDATE ON CONFLICT DO NOTHING`,
  { prepare: true },
);

const deletePending = defineStatement<{ credentialId: CredentialId; version: number }, SecretRow>(
  'pending_delete',
  ({ credentialId, version }) => sql`DELETE FROM credential_version
    WHERE credential_id = ${credentialId} AND version = ${version} AND state = 'pending' RETURNING secret_id`,
);

const deleteAllPending = defineStatement<{ credentialIds: CredentialId[] }, SecretRow>(
  'pending_delete_all',
  ({ credentialIds }) => sql`DELETE FROM credential_version
    WHERE credential_id = ANY (${credentialIds}) AND state = 'pending' RETURNING secret_id`,
);

const copyServing = defineStatement<{ credentialIds: CredentialId[]; now: Date }>(
  'previous_insert',
  ({
    credentialIds,
    now,
  }) => sql`INSERT INTO credential_version (credential_id, version, state, secret_id, token_hash, expires_at, created_at)
    SELECT id, version, 'previous', secret_id, token_hash, expires_at, ${now}::timestamptz FROM credential
    WHERE id = ANY (${credentialIds}) AND secret_id IS NOT NULL ON CONFLICT (credential_id, version) DO NOTHING`,
);

const deleteSuperseded = defineStatement<{ createdBefore: Date; limit: number }, SecretRow>(
  'superseded_versions_delete',
  ({ createdBefore, limit }) => sql`DELETE FROM credential_version WHERE (credential_id, version) IN (
      SELECT v.credential_id, v.version FROM credential_version v JOIN credential c ON c.id = v.credential_id
      WHERE v.state = 'previous' AND (v.created_at < ${createdBefore} OR ${hasLeaseOfNewerVersion({
        connectionId: sql`c.connection_id`,
        credentialId: sql`c.id`,
        version: sql`v.version`,
        since: sql`v.created_at`,
      })})
      ORDER BY v.created_at LIMIT ${limit} FOR UPDATE OF v SKIP LOCKED)
    RETURNING secret_id`,
);

export interface PromotionParameters extends OwnClaim {
  scopes: string[];
  issuedAt: Date | null;
  expiresAt: Date | null;
  nextRefreshAt: Date | null;
  nextCheckAt: Date;
  now: Date;
  /** As known to the claim. */
  refreshAfter: Date | null;
  checkDueAt: Date | null;
  /** Whether this completes a requested rotation. */
  endsRotation: boolean;
}

/** Values of a promotion, or the columns of a statement that has them. */
type PromotedColumns = {
  [K in keyof Omit<PromotionParameters, keyof OwnClaim | 'endsRotation' | 'now'>]: PromotionParameters[K] | Sql;
} & { now: Date };

/** SET: what changes in credential `c` as the row `pending` begins to serve, besides its claim. */
export function promotedColumns(of: PromotedColumns): Sql {
  return sql`version = c.version + 1, secret_id = pending.secret_id, token_hash = pending.token_hash, scopes = ${of.scopes},
      issued_at = ${of.issuedAt}, expires_at = ${of.expiresAt}, failure = NULL, failure_attempts = 0, last_refreshed_at = ${of.now},
      last_checked_at = ${of.now},
      health = CASE WHEN ${verificationRequestedSince(of.checkDueAt)} THEN c.health ELSE ${nextHealthSql('granted')} END,
      check_due_at = CASE WHEN ${verificationRequestedSince(of.checkDueAt)} THEN c.check_due_at ELSE ${of.nextCheckAt}::timestamptz END,
      refresh_after = CASE WHEN c.kind = 'page' AND ${madeDueSince(of.refreshAfter)} THEN c.refresh_after
        ELSE ${of.nextRefreshAt}::timestamptz END,
      refresh_due_at = CASE WHEN c.kind = 'page' AND ${madeDueSince(of.refreshAfter)} THEN c.refresh_due_at
        ELSE ${of.nextRefreshAt}::timestamptz END,
      updated_at = ${of.now}`;
}

/** `keep`: an INSERT that keeps the replaced version, using `old` and `pending`. */
function promotion(of: PromotionParameters, keep: Sql): Sql {
  return sql`WITH old AS (SELECT id, version, secret_id, token_hash, expires_at FROM credential
        WHERE id = ${of.id} AND claim_id = ${of.claimId} AND version = ${of.version} FOR UPDATE),
      pending AS (DELETE FROM credential_version v USING old
        WHERE v.credential_id = old.id AND v.version = old.version + 1 AND v.state = 'pending' RETURNING v.secret_id, v.token_hash),
      kept AS (${keep})
    UPDATE credential c SET ${promotedColumns(of)},
      rotation_due_at = CASE WHEN NOT ${of.endsRotation}::boolean THEN c.rotation_due_at END, ${CLAIM_ENDS}
    FROM old, pending WHERE c.id = old.id`;
}

const promote = defineStatement<PromotionParameters>(
  'credential_promote',
  (of) =>
    promotion(
      of,
      sql`INSERT INTO credential_version (credential_id, version, state, secret_id, token_hash, expires_at, created_at)
        SELECT old.id, old.version, 'previous', old.secret_id, old.token_hash, old.expires_at, ${of.now}::timestamptz FROM old, pending
        WHERE old.secret_id IS NOT NULL`,
    ),
  { prepare: true },
);

const promoteRotated = defineStatement<PromotionParameters & { waitsForLeases: boolean; revocationDueAt: Date }>(
  'credential_promote_rotated',
  (of) =>
    promotion(
      of,
      insertTokenRevocations(
        sql`SELECT old.secret_id, old.id AS credential_id, old.version, old.token_hash FROM old, pending WHERE old.secret_id IS NOT NULL`,
        { waitsForLeases: of.waitsForLeases, dueAt: of.revocationDueAt, now: of.now },
      ),
    ),
  { prepare: true },
);

/** Returns the number of rows: 0 if the claim was lost. */
export async function insertPendingVersion(executor: SqlExecutor, version: PendingVersionParameters): Promise<number> {
  return executor.run(insertPending({ ...version, pendingVersion: version.version + 1 }));
}

export async function deletePendingVersion(
  executor: SqlExecutor,
  credentialId: CredentialId,
  version: number,
): Promise<SecretId[]> {
  return toSecretIds(await executor.rows(deletePending({ credentialId, version })));
}

export async function deletePendingVersions(executor: SqlExecutor, credentialIds: CredentialId[]): Promise<SecretId[]> {
  return toSecretIds(await executor.rows(deleteAllPending({ credentialIds })));
}

/** Keeps the serving versions as previous ones before they are replaced. */
export async function keepServingVersions(
  executor: SqlExecutor,
  credentialIds: CredentialId[],
  now: Date,
): Promise<void> {
  await executor.run(copyServing({ credentialIds, now }));
}

/** Deletes previous versions created before `createdBefore` or whose successor is in use. */
export async function deleteSupersededVersions(
  executor: SqlExecutor,
  createdBefore: Date,
  limit: number,
): Promise<SecretId[]> {
  return toSecretIds(await executor.rows(deleteSuperseded({ createdBefore, limit })));
}

/** Ends the claim. Returns the number of rows: 0 if the claim was lost or nothing is pending. */
export async function promotePendingVersion(executor: SqlExecutor, promotion: PromotionParameters): Promise<number> {
  return executor.run(promote(promotion));
}

function toSecretIds(rows: readonly SecretRow[]): SecretId[] {
  return rows.map((row) => row.secret_id);
}

/** Same for a rotation: the replaced version is to be revoked at Meta from `revocationDueAt` on. */
export async function promoteRotatedVersion(
  executor: SqlExecutor,
  promotion: PromotionParameters & { waitsForLeases: boolean; revocationDueAt: Date },
): Promise<number> {
  return executor.run(promoteRotated(promotion));
}
