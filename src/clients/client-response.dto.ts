import type { LeaseMode, Role } from '../auth/authenticated-client.ts';
import type { ClientIdentity } from '../auth/client-identity.ts';
import type { ClientDetailsRow, ClientKeyRow } from '../auth/client-row.ts';
import type { ClientId } from '../auth/ids.ts';
import type { AllowPolicy } from '../auth/policy/allow-policy.ts';

/** A client in API responses. */
export interface ClientResponse {
  id: ClientId;
  name: string;
  role: Role;
  tenants: string[];
  products: string[];
  lease_modes: LeaseMode[];
  max_ttl_seconds: number;
  rate_limit_per_second: number | null;
  /** As given. Null: every call the gateway supports. */
  allow: AllowPolicy | null;
  /** Null: any address. */
  ip_allow_list: string[] | null;
  identities: ClientIdentity[];
  created_at: string;
  /** Accurate to a minute. Null: never. */
  last_used_at: string | null;
}

export interface ClientKeyResponse {
  created_at: string;
  /** Null: until it is replaced. */
  expires_at: string | null;
  /** Accurate to a minute. Null: never. */
  last_used_at: string | null;
}

export function toClientResponse({ policy_version: _, ...row }: ClientDetailsRow): ClientResponse {
  return {
    ...row,
    created_at: row.created_at.toISOString(),
    last_used_at: row.last_used_at?.toISOString() ?? null,
  };
}

export function toClientKeyResponse(row: ClientKeyRow): ClientKeyResponse {
  return {
    created_at: row.created_at.toISOString(),
    expires_at: row.expires_at?.toISOString() ?? null,
    last_used_at: row.last_used_at?.toISOString() ?? null,
  };
}
