import sql, { type Sql } from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { SecretId } from '../../vault/ids.ts';
import type { CredentialKind } from '../credentials/credential-kind.ts';
import type { ClaimId, ConnectionId, CredentialId } from '../ids.ts';

/** A claimed revocation that Meta has yet to perform. */
export interface ClaimedRevocation {
  connectionId: ConnectionId;
  tenant: string;
  product: string;
  appId: string;
  metaUserId: string;
  credentialId: CredentialId;
  kind: CredentialKind;
  version: number;
  /** Null: the token is gone. */
  secretId: SecretId | null;
  attempts: number;
  claimId: ClaimId;
}

interface RevocationRow {
  connection_id: ConnectionId;
  tenant: string;
  product: string;
  app_id: string;
  meta_user_id: string;
  credential_id: CredentialId;
  kind: CredentialKind;
  version: number;
  secret_id: SecretId | null;
  attempts: number;
  claim_id: ClaimId;
}

interface NewRevocation {
  connectionId: ConnectionId;
  credentialId: CredentialId;
  version: number;
  secretId: SecretId;
  now: Date;
}

const insert = defineStatement<NewRevocation>(
  'provider_revocation_insert',
  ({ connectionId, credentialId, version, secretId, now }) => sql`INSERT INTO provider_revocation
      (connection_id, credential_id, version, secret_id, next_attempt_at, updated_at)
    VALUES (${connectionId}, ${credentialId}, ${version}, ${secretId}, ${now}, ${now})`,
);

interface ClaimParameters {
  claimId: ClaimId;
  claimedUntil: Date;
  now: Date;
}

function claim({ claimId, claimedUntil, now }: ClaimParameters, which: Sql): Sql {
  return sql`WITH claimed AS (
      UPDATE provider_revocation SET claim_id = ${claimId}, claimed_until = ${claimedUntil}, updated_at = ${now} WHERE connection_id IN (
        SELECT connection_id FROM provider_revocation
        WHERE next_attempt_at IS NOT NULL AND (claimed_until IS NULL OR claimed_until < ${now}) AND ${which} FOR UPDATE SKIP LOCKED)
      RETURNING *)
    SELECT r.connection_id, n.tenant, n.product, n.app_id, n.meta_user_id, r.credential_id, c.kind, r.version, r.secret_id, r.attempts,
      r.claim_id
    FROM claimed r JOIN connection n ON n.id = r.connection_id JOIN credential c ON c.id = r.credential_id`;
}

const claimOne = defineStatement<ClaimParameters & { connectionId: ConnectionId }, RevocationRow>(
  'provider_revocation_claim',
  (of) => claim(of, sql`connection_id = ${of.connectionId}`),
);

const claimDue = defineStatement<ClaimParameters & { limit: number }, RevocationRow>(
  'provider_revocations_claim_due',
  (of) => claim(of, sql`next_attempt_at <= ${of.now} ORDER BY next_attempt_at LIMIT ${of.limit}`),
);

interface OwnClaim {
  connectionId: ConnectionId;
  claimId: ClaimId;
}

const setPostponed = defineStatement<OwnClaim & { nextAttemptAt: Date; now: Date }>(
  'provider_revocation_postpone',
  ({ connectionId, claimId, nextAttemptAt, now }) => sql`UPDATE provider_revocation
    SET attempts = attempts + 1, next_attempt_at = ${nextAttemptAt}, claim_id = NULL, claimed_until = NULL, updated_at = ${now}
    WHERE connection_id = ${connectionId} AND claim_id = ${claimId}`,
);

const deleteClaimed = defineStatement<OwnClaim>(
  'provider_revocation_delete',
  ({ connectionId, claimId }) =>
    sql`DELETE FROM provider_revocation WHERE connection_id = ${connectionId} AND claim_id = ${claimId}`,
);

const discard = defineStatement<{ connectionId: ConnectionId }, { secret_id: SecretId | null }>(
  'provider_revocation_discard',
  ({ connectionId }) => sql`DELETE FROM provider_revocation WHERE connection_id = ${connectionId} RETURNING secret_id`,
);

export async function insertProviderRevocation(executor: SqlExecutor, revocation: NewRevocation): Promise<void> {
  await executor.run(insert(revocation));
}

/**
 * Claims a connection's revocation, regardless of back-off. Null: none is pending, or another replica has claimed it.
 */
export async function claimProviderRevocation(
  executor: SqlExecutor,
  of: ClaimParameters & { connectionId: ConnectionId },
): Promise<ClaimedRevocation | null> {
  const [row] = await executor.rows(claimOne(of));
  return row === undefined ? null : toRevocation(row);
}

/** Across tenants: claims due revocations, longest due first. */
export async function claimDueProviderRevocations(
  executor: SqlExecutor,
  of: ClaimParameters & { limit: number },
): Promise<ClaimedRevocation[]> {
  return (await executor.rows(claimDue(of))).map(toRevocation);
}

/** Ends the claim if it still holds. */
export async function postponeProviderRevocation(
  executor: SqlExecutor,
  of: OwnClaim & { nextAttemptAt: Date; now: Date },
): Promise<void> {
  await executor.run(setPostponed(of));
}

/** Returns the number of rows written: 0 if the claim was lost. */
export async function deleteClaimedRevocation(executor: SqlExecutor, claim: OwnClaim): Promise<number> {
  return executor.run(deleteClaimed(claim));
}

/** Ignores claims. Returns the ids of the sealed tokens kept for it; null if none was pending. */
export async function deleteProviderRevocation(
  executor: SqlExecutor,
  connectionId: ConnectionId,
): Promise<SecretId[] | null> {
  const rows = await executor.rows(discard({ connectionId }));
  return rows.length === 0 ? null : rows.flatMap((row) => row.secret_id ?? []);
}

function toRevocation(row: RevocationRow): ClaimedRevocation {
  return {
    connectionId: row.connection_id,
    tenant: row.tenant,
    product: row.product,
    appId: row.app_id,
    metaUserId: row.meta_user_id,
    credentialId: row.credential_id,
    kind: row.kind,
    version: row.version,
    secretId: row.secret_id,
    attempts: row.attempts,
    claimId: row.claim_id,
  };
}
