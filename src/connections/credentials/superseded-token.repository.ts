import sql, { type Sql } from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { SecretId } from '../../vault/ids.ts';
import type { ConnectionId, CredentialId } from '../ids.ts';
import { isOwnClaim, type OwnClaim } from './claimed-credential.repository.ts';
import type { CredentialKind } from './credential-kind.ts';

/**
 * Tokens that serve no more and live on at Meta, on their way to being revoked there. A row takes over the sealed secret of a version, which
 * has to be gone from `credential_version` and `credential` in the same transaction.
 */

/** INSERT: what `source` selects as `secret_id, credential_id, version, token_hash` of credentials is to be revoked. */
export function insertTokenRevocations(
  source: Sql,
  { waitsForLeases, dueAt, now }: { waitsForLeases: boolean; dueAt: Date; now: Date },
): Sql {
  return sql`INSERT INTO token_revocation (secret_id, tenant, product, connection_id, credential_id, app_id, kind, version, token_hash,
        waits_for_leases, next_attempt_at, created_at, updated_at)
      SELECT t.secret_id, n.tenant, n.product, n.id, k.id, k.app_id, k.kind, t.version, t.token_hash, ${waitsForLeases}::boolean,
        ${dueAt}::timestamptz, ${now}::timestamptz, ${now}::timestamptz
      FROM (${source}) t JOIN credential k ON k.id = t.credential_id JOIN connection n ON n.id = k.connection_id`;
}

function queuePending(which: Sql, now: Date): Sql {
  return sql`WITH gone AS (DELETE FROM credential_version v USING credential c
        WHERE v.credential_id = c.id AND ${which} AND v.state = 'pending' AND v.origin = 'rotation'
        RETURNING v.secret_id, v.credential_id, v.version, v.token_hash)
    ${insertTokenRevocations(sql`SELECT * FROM gone`, { waitsForLeases: false, dueAt: now, now })}`;
}

const queuePendingOfConnection = defineStatement<{ connectionId: ConnectionId; now: Date }>(
  'pending_rotations_of_connection_queue',
  ({ connectionId, now }) => queuePending(sql`c.connection_id = ${connectionId}`, now),
);

const queuePendingOf = defineStatement<{ credentialIds: CredentialId[]; now: Date }>(
  'pending_rotations_queue',
  ({ credentialIds, now }) => queuePending(sql`c.id = ANY (${credentialIds})`, now),
);

const queueServing = defineStatement<{ credentialIds: CredentialId[]; now: Date }>(
  'serving_versions_queue',
  ({ credentialIds, now }) =>
    insertTokenRevocations(
      sql`SELECT secret_id, id AS credential_id, version, token_hash FROM credential
        WHERE id = ANY (${credentialIds}) AND secret_id IS NOT NULL`,
      { waitsForLeases: false, dueAt: now, now },
    ),
);

const queueOwnPending = defineStatement<OwnClaim & { now: Date }>(
  'own_pending_rotation_queue',
  (of) => sql`WITH own AS (SELECT id FROM credential WHERE ${isOwnClaim(of)} FOR UPDATE),
      gone AS (DELETE FROM credential_version v USING own
        WHERE v.credential_id = own.id AND v.version = ${of.version + 1} AND v.state = 'pending'
        RETURNING v.secret_id, v.credential_id, v.version, v.token_hash)
    ${insertTokenRevocations(sql`SELECT * FROM gone`, { waitsForLeases: false, dueAt: of.now, now: of.now })}`,
);

interface NewTokenRevocation {
  secretId: SecretId;
  tenant: string;
  product: string;
  connectionId: ConnectionId;
  credentialId: CredentialId;
  appId: string;
  kind: CredentialKind;
  version: number;
  tokenHash: Buffer;
  now: Date;
}

const insert = defineStatement<NewTokenRevocation>(
  'token_revocation_insert',
  (
    of,
  ) => sql`INSERT INTO token_revocation (secret_id, tenant, product, connection_id, credential_id, app_id, kind, version, token_hash,
      waits_for_leases, next_attempt_at, created_at, updated_at)
    VALUES (${of.secretId}, ${of.tenant}, ${of.product}, ${of.connectionId}, ${of.credentialId}, ${of.appId}, ${of.kind}, ${of.version},
      ${of.tokenHash}, false, ${of.now}, ${of.now}, ${of.now})`,
);

const deleteOfTokens = defineStatement<{ tokenHashes: Buffer[] }, { secret_id: SecretId }>(
  'token_revocations_of_tokens_delete',
  ({ tokenHashes }) =>
    sql`DELETE FROM token_revocation WHERE token_hash = ANY (${tokenHashes}::bytea[]) RETURNING secret_id`,
);

const deleteOfConnection = defineStatement<{ connectionId: ConnectionId }, { secret_id: SecretId }>(
  'token_revocations_of_connection_delete',
  ({ connectionId }) => sql`DELETE FROM token_revocation WHERE connection_id = ${connectionId} RETURNING secret_id`,
);

/** Tokens that were generated for a rotation of these credentials and are not to serve any more. */
export async function queuePendingRotations(
  executor: SqlExecutor,
  credentialIds: CredentialId[],
  now: Date,
): Promise<void> {
  await executor.run(queuePendingOf({ credentialIds, now }));
}

/** The same for all credentials of a connection. */
export async function queuePendingRotationsOfConnection(
  executor: SqlExecutor,
  connectionId: ConnectionId,
  now: Date,
): Promise<void> {
  await executor.run(queuePendingOfConnection({ connectionId, now }));
}

/** What serves, before another token takes its place. */
export async function queueServingVersions(
  executor: SqlExecutor,
  credentialIds: CredentialId[],
  now: Date,
): Promise<void> {
  await executor.run(queueServing({ credentialIds, now }));
}

/** The pending version of a claimed credential. How many: none where the claim is another's by now, or nothing is pending. */
export async function queueOwnPendingVersion(executor: SqlExecutor, claim: OwnClaim, now: Date): Promise<number> {
  return executor.run(queueOwnPending({ ...claim, now }));
}

/** A sealed token that no version holds. */
export async function insertTokenRevocation(executor: SqlExecutor, revocation: NewTokenRevocation): Promise<void> {
  await executor.run(insert(revocation));
}

/** These tokens are to serve again: they are not revoked. The ids of the sealed copies. */
export async function deleteTokenRevocationsOfTokens(
  executor: SqlExecutor,
  tokenHashes: Buffer[],
): Promise<SecretId[]> {
  return (await executor.rows(deleteOfTokens({ tokenHashes }))).map((row) => row.secret_id);
}

/** Meta has ended all tokens of the connection: there is nothing to revoke. The ids of the sealed tokens. */
export async function deleteTokenRevocationsOfConnection(
  executor: SqlExecutor,
  connectionId: ConnectionId,
): Promise<SecretId[]> {
  return (await executor.rows(deleteOfConnection({ connectionId }))).map((row) => row.secret_id);
}
