import type { Product } from '../../config/config.ts';
import type { KekId, SecretId } from '../../vault/ids.ts';
import type { SealedSecretRow } from '../../vault/vault.ts';
import type { ClaimId, ConnectionId, CredentialId } from '../ids.ts';
import type { ConnectionStatus } from '../status/connection-status.ts';
import type { CredentialFailure } from '../status/status-reason.ts';
import type { CredentialKind, Health } from './credential-kind.ts';

/** A version from Meta that is not yet inspected. */
export interface PendingVersion {
  version: number;
  sealed: SealedSecretRow | null;
  /** From Meta's response; null: never, or not stated. */
  expiresAt: Date | null;
  /** From Meta's response; null: it named none. */
  scopes: string[] | null;
  /** `rotation`: generated to replace the serving token, which is then revoked. */
  origin: VersionOrigin;
}

export type VersionOrigin = 'refresh' | 'rotation';

/** A requested rotation, which may be under way. */
interface RotationRequest {
  dueAt: Date;
  /** Whether the new token expires after 60 days. Null: if the old one expires. */
  expires: boolean | null;
}

interface CredentialFacts {
  id: CredentialId;
  connectionId: ConnectionId;
  tenant: string;
  product: Product;
  appId: string;
  metaUserId: string;
  /** Null if not known yet: see `storeAppScopedId`. */
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
  pending: PendingVersion | null;
  rotationRequest: RotationRequest | null;
}

interface Claim {
  claimId: ClaimId;
  /** After this, other replicas may take over. */
  claimedUntil: Date;
}

interface NoClaim {
  claimId: null;
  claimedUntil: null;
}

/** A credential that only the holder of `claimId` may write. */
export type ClaimedCredential = CredentialFacts & Claim;

/** A credential with everything needed to work on it, its token still sealed. */
export type CredentialSnapshot = CredentialFacts & (Claim | NoClaim);

export interface CredentialSnapshotRow {
  id: CredentialId;
  connection_id: ConnectionId;
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
  rotation_due_at: Date | null;
  rotation_expires: boolean | null;
  claim_id: ClaimId | null;
  claimed_until: Date | null;
  updated_at: Date;
  secret_id: SecretId | null;
  kek_id: KekId | null;
  wrapped_key: Buffer | null;
  ciphertext: Buffer | null;
  stored_at: Date | null;
  pending_version: number | null;
  pending_expires_at: Date | null;
  pending_scopes: string[] | null;
  pending_origin: VersionOrigin | null;
  pending_secret_id: SecretId | null;
  pending_kek_id: KekId | null;
  pending_wrapped_key: Buffer | null;
  pending_ciphertext: Buffer | null;
}

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
    pending: toPending(row),
    rotationRequest:
      row.rotation_due_at === null ? null : { dueAt: row.rotation_due_at, expires: row.rotation_expires },
    ...(row.claim_id === null || row.claimed_until === null
      ? { claimId: null, claimedUntil: null }
      : { claimId: row.claim_id, claimedUntil: row.claimed_until }),
  };
}

export function isClaimed(credential: CredentialSnapshot): credential is ClaimedCredential {
  return credential.claimId !== null;
}

/** Returns what writes under the claim must name. */
export function ownClaimOf({ id, claimId, version }: ClaimedCredential): {
  id: CredentialId;
  claimId: ClaimId;
  version: number;
} {
  return { id, claimId, version };
}

function toPending(row: CredentialSnapshotRow): PendingVersion | null {
  if (row.pending_version === null) return null;
  return {
    version: row.pending_version,
    sealed: toSealed(row.pending_secret_id, row.pending_kek_id, row.pending_wrapped_key, row.pending_ciphertext),
    expiresAt: row.pending_expires_at,
    scopes: row.pending_scopes,
    origin: row.pending_origin ?? 'refresh',
  };
}

function toSealed(
  id: SecretId | null,
  kekId: KekId | null,
  wrappedKey: Buffer | null,
  ciphertext: Buffer | null,
): SealedSecretRow | null {
  if (id === null || kekId === null || wrappedKey === null || ciphertext === null) return null;
  return { secret_id: id, kek_id: kekId, wrapped_key: wrappedKey, ciphertext };
}
