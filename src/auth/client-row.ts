import type { Product } from '../config/config.ts';
import type { LeaseMode, Role } from './authenticated-client.ts';
import type { ClientIdentity } from './client-identity.ts';
import type { ClientId } from './ids.ts';
import type { AllowPolicy } from './policy/allow-policy.ts';

/** A row of `client`. */
export interface ClientRow {
  id: ClientId;
  name: string;
  role: Role;
  tenants: string[];
  products: (Product | '*')[];
  lease_modes: LeaseMode[];
  max_ttl_seconds: number;
  rate_limit_per_second: number | null;
  /** Null: every call the gateway supports. */
  allow: AllowPolicy | null;
  /** Null: any address. */
  ip_allow_list: string[] | null;
  /** Incremented on every change. */
  policy_version: number;
  created_at: Date;
}

/** With the columns that decide whether the row is valid. */
export interface StoredClientRow extends ClientRow {
  deleted_at: Date | null;
  /** Null if an earlier release, or something other than this service, wrote the row. */
  mac: Buffer | null;
}

/** With the other fields that the API shows. */
export interface ClientDetailsRow extends ClientRow {
  identities: ClientIdentity[];
  /** Accurate to a minute. Null: never. */
  last_used_at: Date | null;
}

/** The parts of a key that the API shows. */
export interface ClientKeyRow {
  created_at: Date;
  expires_at: Date | null;
  last_used_at: Date | null;
}

/** A key with the columns that its MAC covers. */
export interface StoredClientKeyRow {
  hash: Buffer;
  client_id: ClientId;
  created_at: Date;
  expires_at: Date | null;
  mac: Buffer | null;
}

/** An identity with the columns that its MAC covers. */
export interface StoredClientIdentityRow extends ClientIdentity {
  client_id: ClientId;
  mac: Buffer | null;
}
