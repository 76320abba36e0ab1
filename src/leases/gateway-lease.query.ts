import sql, { type Sql } from 'sql-template-tag';
import type { ClientId } from '../auth/ids.ts';
import type { AllowPolicy } from '../auth/policy/allow-policy.ts';
import type { Product } from '../config/config.ts';
import type { CredentialKind } from '../connections/credentials/credential-kind.ts';
import type { ConnectionId, CredentialId } from '../connections/ids.ts';
import { defineStatement } from '../database/statement.ts';
import type { SecretId } from '../vault/ids.ts';
import { joinSealedSecret, type SealedSecretRow, sealedSecretColumns } from '../vault/sealed-secret.repository.ts';
import type { LeaseId } from './ids.ts';
import { ANCESTORS_STAND, backedLeaseFrom } from './lease-conditions.query.ts';

interface LeaseSelection {
  leaseIds: readonly LeaseId[];
  now: Date;
}

/** What is read on every call of an active lease. */
export interface ActiveLeaseRow {
  id: LeaseId;
  secret_id: SecretId;
  allow: AllowPolicy | null;
  ip_allow_list: string[] | null;
}

export interface SealedLeaseRow extends ActiveLeaseRow, SealedSecretRow {
  secret_hash: Buffer;
  client_id: ClientId;
  tenant: string;
  product: Product;
  connection_id: ConnectionId;
  credential_id: CredentialId;
  version: number;
  kind: CredentialKind;
  app_id: string;
  expires_at: Date;
  /** The leases that it ends with; null: it was issued to the client itself. */
  ancestor_ids: LeaseId[] | null;
}

/**
 * A lease is active while its client, connection, credential and ancestors are; all are read on every call, so that an ending counts at
 * once.
 */
const ACTIVE_LEASE_FROM = backedLeaseFrom(sql`l`, sql`cl`);

function isActiveGatewayLease({ leaseIds, now }: LeaseSelection): Sql {
  return sql`l.id = ANY (${leaseIds}::text[]) AND l.mode = 'gateway' AND l.ended_at IS NULL AND l.expires_at > ${now}
      AND k.secret_id IS NOT NULL AND ${ANCESTORS_STAND}`;
}

/** Omits what cannot change for the same secret: the cache has it. */
export const selectActiveLeases = defineStatement<LeaseSelection, ActiveLeaseRow>(
  'lease_active',
  (selection) => sql`SELECT l.id, k.secret_id, cl.allow, cl.ip_allow_list ${ACTIVE_LEASE_FROM}
    WHERE ${isActiveGatewayLease(selection)}`,
  { prepare: true },
);

export const selectSealedLeases = defineStatement<LeaseSelection, SealedLeaseRow>(
  'lease_sealed',
  (
    selection,
  ) => sql`SELECT l.id, k.secret_id, cl.allow, cl.ip_allow_list, l.secret_hash, l.client_id, l.tenant, l.product, l.connection_id,
      l.credential_id, l.expires_at, l.ancestor_ids, k.version, k.kind, c.app_id, ${sealedSecretColumns(sql`s`)}
    ${ACTIVE_LEASE_FROM} ${joinSealedSecret(sql`s`, sql`k.secret_id`)} WHERE ${isActiveGatewayLease(selection)}`,
  { prepare: true },
);

export const selectActiveLeaseIds = defineStatement<LeaseSelection, { id: LeaseId }>(
  'lease_active_ids',
  (selection) => sql`SELECT l.id ${ACTIVE_LEASE_FROM} WHERE ${isActiveGatewayLease(selection)}`,
  { prepare: true },
);
