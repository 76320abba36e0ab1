import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { SecretId } from '../../vault/ids.ts';
import { lockMetaUser } from '../authorization/meta-user-lock.repository.ts';
import type { CredentialKind } from '../credentials/credential-kind.ts';
import type { ConnectionId, CredentialId } from '../ids.ts';
import { type ConnectionState, toConnectionState } from '../status/connection-state.ts';
import type { ConnectionStatus, DecidedStatus, ProviderRevocationStatus } from '../status/connection-status.ts';

/** The app and Meta user whose grant a connection depends on. */
export interface GrantOwner {
  appId: string;
  metaUserId: string;
}

interface OwnerRow {
  app_id: string;
  meta_user_id: string;
}

const selectOwner = defineStatement<{ connectionId: ConnectionId }, OwnerRow>(
  'connection_owner',
  ({ connectionId }) => sql`SELECT app_id, meta_user_id FROM connection WHERE id = ${connectionId}`,
);

interface RevocableRow extends OwnerRow {
  status: ConnectionStatus;
  tenant: string;
  product: string;
  authorized_at: Date;
  revoked_at: Date | null;
  provider_revocation: ProviderRevocationStatus | null;
}

const lockRevocable = defineStatement<{ connectionId: ConnectionId }, RevocableRow>(
  'revocable_connection_lock',
  ({
    connectionId,
  }) => sql`SELECT status, tenant, product, app_id, meta_user_id, authorized_at, revoked_at, provider_revocation
    FROM connection WHERE id = ${connectionId} FOR UPDATE`,
);

interface RevokeParameters {
  connectionId: ConnectionId;
  status: DecidedStatus;
  providerRevocation: ProviderRevocationStatus;
  now: Date;
}

const setRevoked = defineStatement<RevokeParameters, { generation: number }>(
  'connection_revoke',
  ({ connectionId, status, providerRevocation, now }) => sql`UPDATE connection
    SET status = ${status}, status_reason = NULL, revoked_at = ${now}, updated_at = ${now}, provider_revocation = ${providerRevocation},
      generation = generation + 1
    WHERE id = ${connectionId} RETURNING generation`,
);

const selectLiveSibling = defineStatement<GrantOwner & { connectionId: ConnectionId }, { id: ConnectionId }>(
  'live_sibling_connection',
  ({ appId, metaUserId, connectionId }) => sql`SELECT id FROM connection
    WHERE app_id = ${appId} AND meta_user_id = ${metaUserId} AND id <> ${connectionId} AND status = 'active' LIMIT 1`,
);

const selectLaterSibling = defineStatement<
  GrantOwner & { connectionId: ConnectionId; after: Date },
  { id: ConnectionId }
>(
  'sibling_connection_authorized_later',
  ({ appId, metaUserId, connectionId, after }) => sql`SELECT id FROM connection
    WHERE app_id = ${appId} AND meta_user_id = ${metaUserId} AND id <> ${connectionId} AND status = 'active'
      AND authorized_at > ${after} LIMIT 1`,
);

const setSharedConfirmed = defineStatement<GrantOwner & { now: Date }>(
  'shared_revocations_confirm',
  ({ appId, metaUserId, now }) => sql`UPDATE connection SET provider_revocation = 'confirmed', updated_at = ${now}
    WHERE app_id = ${appId} AND meta_user_id = ${metaUserId} AND provider_revocation = 'shared'`,
);

const setProviderRevocation = defineStatement<{
  connectionId: ConnectionId;
  outcome: ProviderRevocationStatus;
  now: Date;
}>(
  'provider_revocation_set',
  ({ connectionId, outcome, now }) =>
    sql`UPDATE connection SET provider_revocation = ${outcome}, updated_at = ${now} WHERE id = ${connectionId}`,
);

const endPending = defineStatement<{ connectionId: ConnectionId; outcome: ProviderRevocationStatus }>(
  'provider_revocation_end_pending',
  ({ connectionId, outcome }) => sql`UPDATE connection SET provider_revocation = ${outcome}
    WHERE id = ${connectionId} AND provider_revocation = 'pending'`,
);

const selectProviderRevocation = defineStatement<
  { connectionId: ConnectionId },
  { provider_revocation: ProviderRevocationStatus | null }
>(
  'provider_revocation_status',
  ({ connectionId }) => sql`SELECT provider_revocation FROM connection WHERE id = ${connectionId}`,
);

const selectRoot = defineStatement<
  { connectionId: ConnectionId },
  { id: CredentialId; kind: CredentialKind; version: number; secret_id: SecretId | null }
>(
  'revocable_root_credential',
  ({ connectionId }) =>
    sql`SELECT id, kind, version, secret_id FROM credential WHERE connection_id = ${connectionId} AND is_root`,
);

interface RevocableConnectionFacts extends GrantOwner {
  tenant: string;
  product: string;
  authorizedAt: Date;
}

/** A connection locked for revocation; it may already be revoked. */
export type RevocableConnection = RevocableConnectionFacts &
  (
    | { status: 'active' | 'reauth_required'; revokedAt: null }
    | { status: 'revoked'; revokedAt: Date; providerRevocation: ProviderRevocationStatus | null }
  );

/** Locks the Meta user, then the row, in the same order as connecting. Null: no such connection. */
export async function lockRevocableConnection(
  executor: SqlExecutor,
  connectionId: ConnectionId,
): Promise<RevocableConnection | null> {
  const [owner] = await executor.rows(selectOwner({ connectionId }));
  if (owner === undefined) return null;
  await lockMetaUser(executor, owner.app_id, owner.meta_user_id);
  const [row] = await executor.rows(lockRevocable({ connectionId }));
  return row === undefined ? null : toRevocableConnection(row);
}

function toRevocableConnection(row: RevocableRow): RevocableConnection {
  const facts = {
    tenant: row.tenant,
    product: row.product,
    appId: row.app_id,
    metaUserId: row.meta_user_id,
    authorizedAt: row.authorized_at,
  };
  if (row.status !== 'revoked') return { ...facts, status: row.status, revokedAt: null };
  if (row.revoked_at === null) throw new Error('a revoked connection lacks revoked_at');
  return { ...facts, status: row.status, revokedAt: row.revoked_at, providerRevocation: row.provider_revocation };
}

/** Returns the state for the audit entry. */
export async function updateRevokedConnection(
  executor: SqlExecutor,
  revocation: RevokeParameters,
): Promise<ConnectionState> {
  const [updated] = await executor.rows(setRevoked(revocation));
  return toConnectionState(revocation.status, updated);
}

/** Whether another active connection of the app, in any tenant, depends on the same grant. */
export async function hasLiveSibling(
  executor: SqlExecutor,
  connectionId: ConnectionId,
  { appId, metaUserId }: GrantOwner,
): Promise<boolean> {
  return (await executor.rows(selectLiveSibling({ appId, metaUserId, connectionId }))).length > 0;
}

/** Whether another active connection depends on a grant this user gave after `after`. */
export async function hasSiblingAuthorizedLater(
  executor: SqlExecutor,
  connectionId: ConnectionId,
  { appId, metaUserId }: GrantOwner,
  after: Date,
): Promise<boolean> {
  return (await executor.rows(selectLaterSibling({ appId, metaUserId, connectionId, after }))).length > 0;
}

/** Confirms revocations that waited for this grant to end. */
export async function confirmSharedRevocations(
  executor: SqlExecutor,
  { appId, metaUserId }: GrantOwner,
  now: Date,
): Promise<void> {
  await executor.run(setSharedConfirmed({ appId, metaUserId, now }));
}

export async function updateProviderRevocation(
  executor: SqlExecutor,
  connectionId: ConnectionId,
  outcome: ProviderRevocationStatus,
  now: Date,
): Promise<void> {
  await executor.run(setProviderRevocation({ connectionId, outcome, now }));
}

/** Ends a revocation waiting for Meta, without asking Meta again. */
export async function endPendingRevocation(
  executor: SqlExecutor,
  connectionId: ConnectionId,
  outcome: Extract<ProviderRevocationStatus, 'confirmed' | 'shared'>,
): Promise<void> {
  await executor.run(endPending({ connectionId, outcome }));
}

export async function findProviderRevocation(
  executor: SqlExecutor,
  connectionId: ConnectionId,
): Promise<ProviderRevocationStatus | null> {
  const [row] = await executor.rows(selectProviderRevocation({ connectionId }));
  return row?.provider_revocation ?? null;
}

/** The root credential as needed for revocation. `secretId` null: its token was destroyed. */
export interface RevocableRoot {
  credentialId: CredentialId;
  kind: CredentialKind;
  version: number;
  secretId: SecretId | null;
}

export async function findRevocableRoot(
  executor: SqlExecutor,
  connectionId: ConnectionId,
): Promise<RevocableRoot | null> {
  const [row] = await executor.rows(selectRoot({ connectionId }));
  if (row === undefined) return null;
  return { credentialId: row.id, kind: row.kind, version: row.version, secretId: row.secret_id };
}
