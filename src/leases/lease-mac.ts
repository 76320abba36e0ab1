import type { LeaseMode } from '../auth/authenticated-client.ts';
import { CLIENT_MAC, type JoinedClient, toStoredClient } from '../auth/client-macs.ts';
import type { StoredClientRow } from '../auth/client-row.ts';
import type { ClientId } from '../auth/ids.ts';
import type { ConnectionId, CredentialId } from '../connections/ids.ts';
import { defineRowMac } from '../database/row-mac.ts';
import type { RowMacs } from '../database/row-macs.ts';
import type { LeaseId } from './ids.ts';

/** What the MAC of a lease covers: all of it but whether it was ended early, which many statements do at once. */
export interface CoveredLease {
  id: LeaseId;
  mode: LeaseMode;
  /** Null for token mode. */
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
  /** The leases that it ends with; null: it was issued to the client itself. */
  ancestor_ids: LeaseId[] | null;
}

/** A lease as it is stored. */
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

/** The client of a lease if lease and client are what this service wrote, else null: the lease counts as absent, and that is reported. */
export function acceptLease(macs: RowMacs, row: StoredLease & { client: JoinedClient }): StoredClientRow | null {
  return macs.verify(LEASE_MAC, row) ? macs.accept(CLIENT_MAC, toStoredClient(row.client_id, row.client)) : null;
}
