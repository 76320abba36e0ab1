import { defineRowMac } from '../database/row-mac.ts';
import type { ClientIdentity } from './client-identity.ts';
import type { StoredClientKeyRow, StoredClientRow } from './client-row.ts';
import type { ClientId } from './ids.ts';

/** Covers everything but `last_used_at`. */
export const CLIENT_MAC = defineRowMac<Omit<StoredClientRow, 'mac'>>('client', 1, {
  idOf: ({ id }) => id,
  covers: (client) => [
    client.id,
    client.name,
    client.role,
    client.tenants,
    client.products,
    client.lease_modes,
    client.max_ttl_seconds,
    client.rate_limit_per_second,
    client.allow,
    client.ip_allow_list,
    client.policy_version,
    client.created_at,
    client.deleted_at,
  ],
});

/** Reports name the client, because key hashes are not disclosed. */
export const CLIENT_KEY_MAC = defineRowMac<Omit<StoredClientKeyRow, 'mac'>>('client_key', 1, {
  idOf: ({ client_id: clientId }) => clientId,
  covers: (key) => [key.hash, key.client_id, key.created_at, key.expires_at],
});

export const CLIENT_IDENTITY_MAC = defineRowMac<ClientIdentity & { client_id: ClientId }>('client_identity', 1, {
  idOf: ({ client_id: clientId }) => clientId,
  covers: (identity) => [identity.issuer, identity.subject, identity.audience, identity.client_id],
});

/** A client as `joinedClient` selects it. */
export type JoinedClient = readonly [
  name: string,
  role: StoredClientRow['role'],
  tenants: string[],
  products: StoredClientRow['products'],
  leaseModes: StoredClientRow['lease_modes'],
  maxTtlSeconds: number,
  rateLimitPerSecond: number | null,
  allow: StoredClientRow['allow'],
  ipAllowList: string[] | null,
  policyVersion: number,
  createdAtMs: number,
  deletedAtMs: number | null,
  macHex: string | null,
];

/** Converts to a row. Its MAC is not checked yet. */
export function toStoredClient(id: ClientId, client: JoinedClient): StoredClientRow {
  const [name, role, tenants, products, leaseModes, maxTtlSeconds, rateLimitPerSecond, allow, ipAllowList, ...rest] =
    client;
  const [policyVersion, createdAtMs, deletedAtMs, macHex] = rest;
  return {
    id,
    name,
    role,
    tenants,
    products,
    lease_modes: leaseModes,
    max_ttl_seconds: maxTtlSeconds,
    rate_limit_per_second: rateLimitPerSecond,
    allow,
    ip_allow_list: ipAllowList,
    policy_version: policyVersion,
    created_at: new Date(createdAtMs),
    deleted_at: deletedAtMs === null ? null : new Date(deletedAtMs),
    mac: macHex === null ? null : Buffer.from(macHex, 'hex'),
  };
}
