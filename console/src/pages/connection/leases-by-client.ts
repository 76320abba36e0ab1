import type { components } from '../../../../clients/typescript/src/schema.ts';

type Lease = components['schemas']['LeaseResponse'];

export interface ClientLeases {
  clientId: string;
  count: number;
  active: number;
  gateway: number;
  token: number;
  /** ISO 8601 */
  lastIssuedAt: string;
}

/** Groups leases by client, the client with the latest lease first. */
export function leasesByClient(leases: readonly Lease[]): ClientLeases[] {
  const clients = new Map<string, ClientLeases>();
  for (const lease of leases) {
    const { client_id: clientId, issued_at: issuedAt } = lease;
    const known = clients.get(clientId);
    const client = known ?? { clientId, count: 0, active: 0, gateway: 0, token: 0, lastIssuedAt: issuedAt };
    client.count += 1;
    client.active += lease.status === 'active' ? 1 : 0;
    client[lease.mode] += 1;
    if (issuedAt > client.lastIssuedAt) client.lastIssuedAt = issuedAt;
    clients.set(clientId, client);
  }
  return [...clients.values()].sort((a, b) => b.lastIssuedAt.localeCompare(a.lastIssuedAt));
}
