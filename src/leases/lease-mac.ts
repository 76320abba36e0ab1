import type { LeaseMode } from '../auth/authenticated-client.ts';
import { CLIENT_MAC, type JoinedClient, toStoredClient } from '../auth/client-macs.ts';
import type { StoredClientRow } from '../auth/client-row.ts';
import type { ClientId } from '../auth/ids.ts';
import type { ConnectionId, CredentialId } from '../connections/ids.ts';
import { defineRowMac } from '../database/row-mac.ts';
import type { RowMacs } from '../database/row-macs.ts';
import type { LeaseId } from './ids.ts';

/** All columns of a lease except its early end, which bulk statements set. */
export interface CoveredLease {
  id: LeaseId;
  mode: LeaseMode;
  /** Null in token mode. */
  secret_hash: Buffer | null;
  client_id: ClientId;
  tenant: string;
  product: string;
  connection_id: ConnectionId;
  credential_id: CredentialId;
  credential_version: number;
  asset_type: string | null;
  asset_id: string | null;
  issued_at: Date;
  expires_at: Date;
  /** Leases whose end also ends this one; null: issued to the client directly. */
  ancestor_ids: LeaseId[] | null;
}

export type StoredLease = CoveredLease & { mac: Buffer | null };

export const LEASE_MAC = defineRowMac<CoveredLease>('lease', 1, {
  idOf: ({ id }) => id,
  covers: (lease) => [
    lease.id,
    lease.mode,
    lease.secret_hash,
    lease.client_id,
    lease.tenant,
    lease.product,
    lease.connection_id,
    lease.credential_id,
    lease.credential_version,
    lease.asset_type,
    lease.asset_id,
    lease.issued_at,
    lease.expires_at,
    lease.ancestor_ids,
  ],
});

/**
 * Returns the client if the MACs of lease and client are valid; else reports it and returns null: the lease counts as
 * absent.
 */
export function acceptLease(macs: RowMacs, row: StoredLease & { client: JoinedClient }): StoredClientRow | null {
  return macs.verify(LEASE_MAC, row) ? macs.accept(CLIENT_MAC, toStoredClient(row.client_id, row.client)) : null;
}
