import type { AuditEntryId } from '../audit/ids.ts';
import type { LeaseMode } from '../auth/authenticated-client.ts';
import type { ClientId } from '../auth/ids.ts';
import type { AssetType, CredentialKind, Health } from '../connections/credentials/credential-kind.ts';
import type { ConnectionId, CredentialId } from '../connections/ids.ts';
import type { ConnectionStatus } from '../connections/status/connection-status.ts';
import type { SecretId } from '../vault/ids.ts';
import type { SealedSecretRow } from '../vault/sealed-secret.repository.ts';
import type { LeaseId } from './ids.ts';

/** One requested lease. */
export interface LeaseInput {
  leaseId: LeaseId;
  auditId: AuditEntryId;
  /** The key of the audit entry's MAC. */
  auditKey: Buffer;
  /** Null: the client came with a token of an issuer. */
  keyHash: Buffer | null;
  /** Of the policy that the request was checked against. */
  policyVersion: number;
  clientId: ClientId;
  requestId: string;
  tenant: string;
  product: string;
  connectionId: ConnectionId | null;
  assetId: string | null;
  mode: LeaseMode;
  /** Null for token mode. */
  secretHash: Buffer | null;
  /** When the lease is to end, where its token lives that long. */
  expiresAt: Date;
  /** Until when the token must live. */
  validUntil: Date;
}

/** The lease that the input will get if nothing has changed, and its MAC; nulls: nothing is foreseen, and nothing is written. */
export interface ForeseenLease {
  foreseenConnectionId: ConnectionId | null;
  foreseenCredentialId: CredentialId | null;
  foreseenVersion: number | null;
  foreseenAssetType: string | null;
  foreseenExpiresAt: Date | null;
  mac: Buffer | null;
}

interface FoundCredential {
  connection_id: ConnectionId;
  status: ConnectionStatus;
  credential_id: CredentialId;
  kind: CredentialKind;
  version: number;
  health: Health;
  scopes: string[];
  token_expires_at: Date | null;
  /** Null: the token has been destroyed. */
  secret_id: SecretId | null;
  asset_type: AssetType | null;
  asset_name: string | null;
}

type Nullable<T> = { [K in keyof T]: T[K] | null };
type AllNull<T> = { [K in keyof T]: null };
type SealedToken = Omit<SealedSecretRow, 'secret_id'>;

interface OfInput {
  n: string;
  /** Whether entry and lease have to be read back, because triggers or rules are about. */
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

/** It could be issued, but a trigger swallowed its audit entry (`unrecorded`) or itself (`unwritten`). */
interface UnwrittenLeaseRow extends NotIssued, FoundCredential {
  outcome: 'unrecorded' | 'unwritten';
}

/** It could be issued, but is another than the one that was foreseen, whose MAC does not fit it. */
interface UnforeseenLeaseRow extends NotIssued, FoundCredential {
  outcome: 'unforeseen';
}

/** `outdated_client`: its key, or the policy that the request was checked against, is no longer valid. Then nothing else counts. */
interface UnmatchedLeaseRow extends NotIssued, Nullable<FoundCredential> {
  outcome: 'outdated_client' | 'no_match' | 'several_matches';
}

/** A connection reaches the asset, but Meta gives no token for it. */
interface WithoutCredentialLeaseRow extends NotIssued, Nullable<FoundCredential> {
  outcome: 'without_credential';
  connection_id: ConnectionId;
  status: ConnectionStatus;
  asset_type: AssetType;
}

/** Exactly one connection matched, but its token cannot be used, or not for as long as requested. */
export interface RefusedLeaseRow extends NotIssued, FoundCredential {
  outcome: 'refused';
}

interface IssuedGatewayLeaseRow extends Issued, AllNull<SealedToken> {
  mode: 'gateway';
}

/** Holds the sealed token, which token mode returns. */
export interface IssuedTokenLeaseRow extends Issued, SealedToken {
  mode: 'token';
}

export type IssuedLeaseRow = IssuedGatewayLeaseRow | IssuedTokenLeaseRow;

/** What the statement found for one input. `n` is the 1-based number of the input. */
export type LeaseRow =
  | UnmatchedLeaseRow
  | WithoutCredentialLeaseRow
  | RefusedLeaseRow
  | UnwrittenLeaseRow
  | UnforeseenLeaseRow
  | IssuedLeaseRow;
