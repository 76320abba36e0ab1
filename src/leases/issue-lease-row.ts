import type { AuditEntryId } from '../audit/ids.ts';
import type { LeaseMode } from '../auth/authenticated-client.ts';
import type { ClientId } from '../auth/ids.ts';
import type { AssetType, CredentialKind, Health } from '../connections/credentials/credential-kind.ts';
import type { ConnectionId, CredentialId } from '../connections/ids.ts';
import type { ConnectionStatus } from '../connections/status/connection-status.ts';
import type { SecretId } from '../vault/ids.ts';
import type { SealedSecretRow } from '../vault/sealed-secret.repository.ts';
import type { LeaseId } from './ids.ts';

export interface LeaseInput {
  leaseId: LeaseId;
  auditId: AuditEntryId;
  /** Key for the audit entry's MAC. */
  auditKey: Buffer;
  /** Null: the client authenticated with an issuer's token. */
  keyHash: Buffer | null;
  /** Version of the policy the request was checked against. */
  policyVersion: number;
  clientId: ClientId;
  requestId: string;
  tenant: string;
  product: string;
  connectionId: ConnectionId | null;
  assetId: string | null;
  mode: LeaseMode;
  /** Null in token mode. */
  secretHash: Buffer | null;
  /** Requested end; the token may expire sooner. */
  expiresAt: Date;
  /** The token must live until then. */
  validUntil: Date;
}

/** The predicted lease and its MAC; nulls: no prediction, so nothing is written. */
export interface ForeseenLease {
  foreseenConnectionId: ConnectionId | null;
  foreseenCredentialId: CredentialId | null;
  foreseenVersion: number | null;
  foreseenAssetType: string | null;
  foreseenExpiresAt: Date | null;
  mac: Buffer | null;
}

export interface ForeseenInput {
  readonly input: LeaseInput;
  readonly foreseen: ForeseenLease;
}

interface FoundCredential {
  connection_id: ConnectionId;
  status: ConnectionStatus;
  credential_id: CredentialId;
  kind: CredentialKind;
  app_id: string;
  version: number;
  health: Health;
  scopes: string[];
  token_expires_at: Date | null;
  /** Null: the token was destroyed. */
  secret_id: SecretId | null;
  asset_type: AssetType | null;
  asset_name: string | null;
  /** In token mode: see `appVersionOf`. */
  app_version: Buffer | null;
}

type Nullable<T> = { [K in keyof T]: T[K] | null };
type AllNull<T> = { [K in keyof T]: null };
type SealedToken = Omit<SealedSecretRow, 'secret_id'>;

interface OfInput {
  n: number;
  /** Triggers or rules exist, so entry and lease must be read back. */
  is_interfered_with: boolean;
}

interface NotIssued extends OfInput, AllNull<SealedToken> {
  mode: null;
  lease_expires_at: null;
}

interface Issued extends OfInput, FoundCredential {
  outcome: 'issued';
  lease_expires_at: Date;
  secret_id: SecretId;
}

/** Could be issued, but a trigger dropped its audit entry (`unrecorded`) or the lease (`unwritten`). */
interface UnwrittenLeaseRow extends NotIssued, FoundCredential {
  outcome: 'unrecorded' | 'unwritten';
}

/** Could be issued, but differs from the predicted lease, so the MAC doesn't fit. */
interface UnforeseenLeaseRow extends NotIssued, FoundCredential {
  outcome: 'unforeseen';
}

/** `outdated_client`: the client's key or policy is no longer valid. Overrides everything else. */
interface UnmatchedLeaseRow extends NotIssued, Nullable<FoundCredential> {
  outcome: 'outdated_client' | 'no_match' | 'several_matches';
}

/** A connection reaches the asset, but Meta gives no token for it (docs/meta-facts.md#pages-without-a-token). */
interface WithoutCredentialLeaseRow extends NotIssued, Nullable<FoundCredential> {
  outcome: 'without_credential';
  connection_id: ConnectionId;
  status: ConnectionStatus;
  asset_type: AssetType;
}

/** Exactly one connection matched, but its token is unusable or expires too soon. */
export interface RefusedLeaseRow extends NotIssued, FoundCredential {
  outcome: 'refused';
}

interface IssuedGatewayLeaseRow extends Issued, AllNull<SealedToken> {
  mode: 'gateway';
}

/** Includes the sealed token, which token mode returns. */
export interface IssuedTokenLeaseRow extends Issued, SealedToken {
  mode: 'token';
}

export type IssuedLeaseRow = IssuedGatewayLeaseRow | IssuedTokenLeaseRow;

/** The result for an input whose prediction was right. */
export type ForeseenLeaseRow = IssuedLeaseRow | UnwrittenLeaseRow;

/** The statement's result for one input. `n` is the input's 1-based number. */
export type LeaseRow =
  | UnmatchedLeaseRow
  | WithoutCredentialLeaseRow
  | RefusedLeaseRow
  | UnwrittenLeaseRow
  | UnforeseenLeaseRow
  | IssuedLeaseRow;
