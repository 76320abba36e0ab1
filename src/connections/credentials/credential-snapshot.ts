import type { Product } from '../../config/config.ts';
import type { SealedSecretRow } from '../../vault/vault.ts';
import type { ConnectionStatus } from '../status/connection-status.ts';
import type { CredentialFailure } from '../status/status-reason.ts';
import type { CredentialKind, Health } from './credential-kind.ts';

/** A version that Meta gave and that is not yet inspected. */
export interface PendingVersion {
  version: number;
  sealed: SealedSecretRow | null;
  /** As the answer said; null: never, or not said. */
  expiresAt: Date | null;
  /** As the answer said; null: it told none. */
  scopes: string[] | null;
}

/** A credential with everything that work on it needs, its token still sealed. */
export interface CredentialSnapshot {
  id: string;
  connectionId: string;
  tenant: string;
  product: Product;
  appId: string;
  metaUserId: string;
  /** As far as it is known: see `storeAppScopedId`. */
  appScopedUserId: string | null;
  status: ConnectionStatus;
  dataAccessExpiresAt: Date | null;
  kind: CredentialKind;
  isRoot: boolean;
  subjectId: string;
  version: number;
  /** Null: destroyed. */
  sealed: SealedSecretRow | null;
  /** When the serving version was stored here. */
  storedAt: Date;
  scopes: string[];
  issuedAt: Date | null;
  /** Null: never (or unknown, for Instagram and Threads). */
  expiresAt: Date | null;
  health: Health;
  failure: CredentialFailure | null;
  failureAttempts: number;
  lastRefreshedAt: Date | null;
  refreshAfter: Date | null;
  refreshDueAt: Date | null;
  checkDueAt: Date | null;
  /** Null: nobody's. */
  claimId: string | null;
  claimedUntil: Date | null;
  pending: PendingVersion | null;
}

/** A credential that the holder of `claimId` alone may write. */
export type ClaimedCredential = CredentialSnapshot & { claimId: string };

/**
 * SQL: whether somebody has raised a doubt since the work on credential `c` began, which then stays: only doubts move `check_due_at`
 * without a claim. `known`: the parameter with what the work knew. Our times have milliseconds, the column has more.
 */
export function verificationRequestedSince(known: string): string {
  return `date_trunc('milliseconds', c.check_due_at) IS DISTINCT FROM ${known}::timestamptz`;
}

export interface CredentialSnapshotRow {
  id: string;
  connection_id: string;
  tenant: string;
  product: Product;
  app_id: string;
  meta_user_id: string;
  app_scoped_user_id: string | null;
  status: ConnectionStatus;
  data_access_expires_at: Date | null;
  kind: CredentialKind;
  is_root: boolean;
  subject_id: string;
  version: number;
  scopes: string[];
  issued_at: Date | null;
  expires_at: Date | null;
  health: Health;
  failure: CredentialFailure | null;
  failure_attempts: number;
  last_refreshed_at: Date | null;
  refresh_after: Date | null;
  refresh_due_at: Date | null;
  check_due_at: Date | null;
  claim_id: string | null;
  claimed_until: Date | null;
  updated_at: Date;
  secret_id: string | null;
  kek_id: string | null;
  wrapped_key: Buffer | null;
  ciphertext: Buffer | null;
  stored_at: Date | null;
  pending_version: number | null;
  pending_expires_at: Date | null;
  pending_scopes: string[] | null;
  pending_secret_id: string | null;
  pending_kek_id: string | null;
  pending_wrapped_key: Buffer | null;
  pending_ciphertext: Buffer | null;
}

/** What `toCredentialSnapshot` reads, where `c` is credential. */
export const CREDENTIAL_SNAPSHOT_COLUMNS = `c.id, c.connection_id, n.tenant, n.product, c.app_id, n.meta_user_id, n.app_scoped_user_id, n.status, n.data_access_expires_at,
  c.kind, c.is_root, c.subject_id, c.version, c.scopes, c.issued_at, c.expires_at, c.health, c.failure, c.failure_attempts,
  c.last_refreshed_at, c.refresh_after, c.refresh_due_at, c.check_due_at, c.claim_id, c.claimed_until, c.updated_at,
  s.id AS secret_id, s.kek_id, s.wrapped_key, s.ciphertext, s.created_at AS stored_at,
  p.version AS pending_version, p.expires_at AS pending_expires_at, p.scopes AS pending_scopes, ps.id AS pending_secret_id,
  ps.kek_id AS pending_kek_id, ps.wrapped_key AS pending_wrapped_key, ps.ciphertext AS pending_ciphertext`;

/** The joins for them. One version is pending at the most: its number is always the serving one's successor. */
export const CREDENTIAL_SNAPSHOT_JOINS = `JOIN connection n ON n.id = c.connection_id
  LEFT JOIN sealed_secret s ON s.id = c.secret_id
  LEFT JOIN credential_version p ON p.credential_id = c.id AND p.version = c.version + 1 AND p.state = 'pending'
  LEFT JOIN sealed_secret ps ON ps.id = p.secret_id`;

export function toCredentialSnapshot(row: CredentialSnapshotRow): CredentialSnapshot {
  return {
    id: row.id,
    connectionId: row.connection_id,
    tenant: row.tenant,
    product: row.product,
    appId: row.app_id,
    metaUserId: row.meta_user_id,
    appScopedUserId: row.app_scoped_user_id,
    status: row.status,
    dataAccessExpiresAt: row.data_access_expires_at,
    kind: row.kind,
    isRoot: row.is_root,
    subjectId: row.subject_id,
    version: row.version,
    sealed: toSealed(row.secret_id, row.kek_id, row.wrapped_key, row.ciphertext),
    storedAt: row.stored_at ?? row.updated_at,
    scopes: row.scopes,
    issuedAt: row.issued_at,
    expiresAt: row.expires_at,
    health: row.health,
    failure: row.failure,
    failureAttempts: row.failure_attempts,
    lastRefreshedAt: row.last_refreshed_at,
    refreshAfter: row.refresh_after,
    refreshDueAt: row.refresh_due_at,
    checkDueAt: row.check_due_at,
    claimId: row.claim_id,
    claimedUntil: row.claimed_until,
    pending:
      row.pending_version === null
        ? null
        : {
            version: row.pending_version,
            sealed: toSealed(
              row.pending_secret_id,
              row.pending_kek_id,
              row.pending_wrapped_key,
              row.pending_ciphertext,
            ),
            expiresAt: row.pending_expires_at,
            scopes: row.pending_scopes,
          },
  };
}

function toSealed(
  id: string | null,
  kekId: string | null,
  wrappedKey: Buffer | null,
  ciphertext: Buffer | null,
): SealedSecretRow | null {
  if (id === null || kekId === null || wrappedKey === null || ciphertext === null) return null;
  return { secret_id: id, kek_id: kekId, wrapped_key: wrappedKey, ciphertext };
}
