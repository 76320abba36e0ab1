import sql, { type Sql } from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { SecretId } from '../../vault/ids.ts';
import type { ConnectionId, CredentialId } from '../ids.ts';
import { isOwnClaim, type OwnClaim } from './claimed-credential.repository.ts';
import type { CredentialKind } from './credential-kind.ts';

/**
 * Tokens that no longer serve but are still alive at Meta, queued for revocation. A row takes over a version's sealed
 * secret. That version must be deleted from `credential_version` and `credential` in the same transaction.
 */

/** INSERT: queues for revocation what `source` selects as `secret_id, credential_id, version, token_hash`. */
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

/** Queues tokens generated for a rotation of these credentials that will not serve. */
export async function queuePendingRotations(
  executor: SqlExecutor,
  credentialIds: CredentialId[],
  now: Date,
): Promise<void> {
  await executor.run(queuePendingOf({ credentialIds, now }));
}

/** Same for all of a connection's credentials. */
export async function queuePendingRotationsOfConnection(
  executor: SqlExecutor,
  connectionId: ConnectionId,
  now: Date,
): Promise<void> {
  await executor.run(queuePendingOfConnection({ connectionId, now }));
}

/** Queues the serving versions before they are replaced. */
export async function queueServingVersions(
  executor: SqlExecutor,
  credentialIds: CredentialId[],
  now: Date,
): Promise<void> {
  await executor.run(queueServing({ credentialIds, now }));
}

/**
 * Queues a claimed credential's pending version. Returns the number of rows: 0 if the claim was lost or nothing is
 * pending.
 */
export async function queueOwnPendingVersion(executor: SqlExecutor, claim: OwnClaim, now: Date): Promise<number> {
  return executor.run(queueOwnPending({ ...claim, now }));
}

/** Queues a sealed token that belongs to no version. */
export async function insertTokenRevocation(executor: SqlExecutor, revocation: NewTokenRevocation): Promise<void> {
  await executor.run(insert(revocation));
}

/** Dequeues tokens that will serve again. Returns the ids of their sealed copies. */
export async function deleteTokenRevocationsOfTokens(
  executor: SqlExecutor,
  tokenHashes: Buffer[],
): Promise<SecretId[]> {
  return (await executor.rows(deleteOfTokens({ tokenHashes }))).map((row) => row.secret_id);
}

/** Dequeues all, because Meta has ended the connection's tokens. Returns the ids of the sealed tokens. */
export async function deleteTokenRevocationsOfConnection(
  executor: SqlExecutor,
  connectionId: ConnectionId,
): Promise<SecretId[]> {
  return (await executor.rows(deleteOfConnection({ connectionId }))).map((row) => row.secret_id);
}
