import sql, { type Sql } from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { SecretId } from '../../vault/ids.ts';
import type { CredentialKind } from '../credentials/credential-kind.ts';
import type { ClaimId, ConnectionId, CredentialId } from '../ids.ts';

/** A claimed token that Meta has yet to revoke. */
export interface ClaimedTokenRevocation {
  secretId: SecretId;
  tenant: string;
  product: string;
  connectionId: ConnectionId;
  credentialId: CredentialId;
  appId: string;
  kind: CredentialKind;
  version: number;
  tokenHash: Buffer;
  /** Revoke once the leases that handed it out have ended. */
  waitsForLeases: boolean;
  attempts: number;
  createdAt: Date;
  claimId: ClaimId;
}

interface TokenRevocationRow {
  secret_id: SecretId;
  tenant: string;
  product: string;
  connection_id: ConnectionId;
  credential_id: CredentialId;
  app_id: string;
  kind: CredentialKind;
  version: number;
  token_hash: Buffer;
  waits_for_leases: boolean;
  attempts: number;
  created_at: Date;
  claim_id: ClaimId;
}

interface ClaimParameters {
  claimId: ClaimId;
  claimedUntil: Date;
  now: Date;
}

function claim({ claimId, claimedUntil, now }: ClaimParameters, which: Sql): Sql {
  return sql`UPDATE token_revocation SET claim_id = ${claimId}, claimed_until = ${claimedUntil}, updated_at = ${now}
    WHERE secret_id IN (SELECT secret_id FROM token_revocation WHERE (claimed_until IS NULL OR claimed_until < ${now}) AND ${which}
      FOR UPDATE SKIP LOCKED)
    RETURNING secret_id, tenant, product, connection_id, credential_id, app_id, kind, version, token_hash, waits_for_leases, attempts,
      created_at, claim_id`;
}

const claimOfConnection = defineStatement<ClaimParameters & { connectionId: ConnectionId }, TokenRevocationRow>(
  'token_revocations_claim_of_connection',
  (of) => claim(of, sql`connection_id = ${of.connectionId} AND NOT waits_for_leases`),
);

const claimDue = defineStatement<ClaimParameters & { limit: number }, TokenRevocationRow>(
  'token_revocations_claim_due',
  (of) => claim(of, sql`next_attempt_at <= ${of.now} ORDER BY next_attempt_at LIMIT ${of.limit}`),
);

interface OwnClaim {
  secretId: SecretId;
  claimId: ClaimId;
}

const setPostponed = defineStatement<OwnClaim & { nextAttemptAt: Date; hasFailed: boolean; now: Date }>(
  'token_revocation_postpone',
  ({ secretId, claimId, nextAttemptAt, hasFailed, now }) => sql`UPDATE token_revocation
    SET attempts = CASE WHEN ${hasFailed}::boolean THEN attempts + 1 ELSE attempts END, next_attempt_at = ${nextAttemptAt},
      claim_id = NULL, claimed_until = NULL, updated_at = ${now}
    WHERE secret_id = ${secretId} AND claim_id = ${claimId}`,
);

const deleteClaimed = defineStatement<OwnClaim>(
  'token_revocation_delete',
  ({ secretId, claimId }) => sql`DELETE FROM token_revocation WHERE secret_id = ${secretId} AND claim_id = ${claimId}`,
);

const selectServing = defineStatement<{ tokenHash: Buffer }, { connection_id: ConnectionId }>(
  'connections_served_by_token',
  ({ tokenHash }) => sql`SELECT c.connection_id FROM credential c JOIN connection n ON n.id = c.connection_id
    WHERE c.token_hash = ${tokenHash} AND c.secret_id IS NOT NULL AND n.status <> 'revoked' LIMIT 1`,
);

const setFailure = defineStatement<{ credentialId: CredentialId; code: string; failure: string; now: Date }>(
  'token_revocation_failure',
  ({ credentialId, code, failure, now }) => sql`UPDATE credential SET failure = ${failure}, updated_at = ${now}
    WHERE id = ${credentialId} AND secret_id IS NOT NULL AND (failure IS NULL OR failure->>'code' = ${code})`,
);

const clearFailure = defineStatement<{ credentialId: CredentialId; code: string; now: Date }>(
  'token_revocation_failure_clear',
  ({ credentialId, code, now }) => sql`UPDATE credential SET failure = NULL, updated_at = ${now}
    WHERE id = ${credentialId} AND failure->>'code' = ${code}
      AND NOT EXISTS (SELECT 1 FROM token_revocation r WHERE r.credential_id = ${credentialId} AND r.attempts > 0)`,
);

/**
 * Claims a connection's revocations that wait for no leases, regardless of back-off. Skips those claimed by other
 * replicas.
 */
export async function claimTokenRevocationsOf(
  executor: SqlExecutor,
  of: ClaimParameters & { connectionId: ConnectionId },
): Promise<ClaimedTokenRevocation[]> {
  return (await executor.rows(claimOfConnection(of))).map(toRevocation);
}

/** Across tenants: claims due revocations, longest due first. */
export async function claimDueTokenRevocations(
  executor: SqlExecutor,
  of: ClaimParameters & { limit: number },
): Promise<ClaimedTokenRevocation[]> {
  return (await executor.rows(claimDue(of))).map(toRevocation);
}

/** Ends the claim if it still holds. `hasFailed`: Meta was asked. */
export async function postponeTokenRevocation(
  executor: SqlExecutor,
  of: OwnClaim & { nextAttemptAt: Date; hasFailed: boolean; now: Date },
): Promise<void> {
  await executor.run(setPostponed(of));
}

/** Returns the number of rows deleted: 0 if the claim was lost or the token serves again. */
export async function deleteClaimedTokenRevocation(executor: SqlExecutor, claim: OwnClaim): Promise<number> {
  return executor.run(deleteClaimed(claim));
}

/** Across tenants: a connection the token serves. Null: none. */
export async function findConnectionServedBy(executor: SqlExecutor, tokenHash: Buffer): Promise<ConnectionId | null> {
  const [row] = await executor.rows(selectServing({ tokenHash }));
  return row?.connection_id ?? null;
}

/** Shows the failure on the credential unless it has a more serious one. Needs no claim on it. */
export async function updateTokenRevocationFailure(
  executor: SqlExecutor,
  failure: { credentialId: CredentialId; code: string; failure: string; now: Date },
): Promise<void> {
  await executor.run(setFailure(failure));
}

/** Clears the failure once none of the credential's revocations is failing. */
export async function clearTokenRevocationFailure(
  executor: SqlExecutor,
  of: { credentialId: CredentialId; code: string; now: Date },
): Promise<void> {
  await executor.run(clearFailure(of));
}

function toRevocation(row: TokenRevocationRow): ClaimedTokenRevocation {
  return {
    secretId: row.secret_id,
    tenant: row.tenant,
    product: row.product,
    connectionId: row.connection_id,
    credentialId: row.credential_id,
    appId: row.app_id,
    kind: row.kind,
    version: row.version,
    tokenHash: row.token_hash,
    waitsForLeases: row.waits_for_leases,
    attempts: row.attempts,
    createdAt: row.created_at,
    claimId: row.claim_id,
  };
}
