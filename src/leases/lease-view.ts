import type { AuthenticatedClient } from '../auth/authenticated-client.ts';
import { visibleProducts, visibleTenants } from '../auth/policy/policy.ts';
import type { LeaseRecord } from './lease.repository.ts';
import type { LeaseResponse, LeaseStatus } from './lease-response.dto.ts';

/** Clients see their own leases, admins all, auditors those of their tenants. */
export function canSeeLease(client: AuthenticatedClient, record: LeaseRecord): boolean {
  if (client.role === 'admin' || record.client_id === client.clientId) return true;
  if (client.role !== 'auditor') return false;
  const tenants = visibleTenants(client);
  const products = visibleProducts(client);
  return (tenants?.includes(record.tenant) ?? true) && (products?.includes(record.product) ?? true);
}

export function leaseStatus(record: LeaseRecord, now: Date): LeaseStatus {
  if (record.ended_at !== null || !record.backed) return 'ended';
  return record.expires_at <= now ? 'expired' : 'active';
}

export function toLeaseResponse(record: LeaseRecord, now: Date): LeaseResponse {
  return {
    lease_id: record.id,
    mode: record.mode,
    status: leaseStatus(record, now),
    client_id: record.client_id,
    tenant: record.tenant,
    product: record.product,
    connection_id: record.connection_id,
    credential_id: record.credential_id,
    credential_version: record.credential_version,
    ...(record.asset_type === null || record.asset_id === null
      ? {}
      : { asset: { type: record.asset_type, id: record.asset_id } }),
    issued_at: record.issued_at.toISOString(),
    expires_at: record.expires_at.toISOString(),
    ended_at: record.ended_at?.toISOString() ?? null,
  };
}
