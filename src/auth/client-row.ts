import type { Product } from '../config/config.ts';
import type { LeaseMode, Role } from './authenticated-client.ts';
import type { ClientIdentity } from './client-identity.ts';
import type { ClientId } from './ids.ts';
import type { AllowPolicy } from './policy/allow-policy.ts';

/** A row of the table `client` with the policy. */
export interface ClientRow {
  id: ClientId;
  name: string;
  role: Role;
  tenants: string[];
  products: (Product | '*')[];
  lease_modes: LeaseMode[];
  max_ttl_seconds: number;
  rate_limit_per_second: number | null;
  /** Null: every call that the gateway allows. */
  allow: AllowPolicy | null;
  /** Null: from anywhere. */
  ip_allow_list: string[] | null;
  /** Incremented with every change. */
  policy_version: number;
  created_at: Date;
}

/** With what says whether it counts. */
export interface StoredClientRow extends ClientRow {
  deleted_at: Date | null;
  /** Null: written by an earlier release, or by other hands. */
  mac: Buffer | null;
}

/** With the fields that are shown besides the policy. */
export interface ClientDetailsRow extends ClientRow {
  identities: ClientIdentity[];
  /** Accurate to about a minute; null: never. */
  last_used_at: Date | null;
}

/** What may be shown of a key. */
export interface ClientKeyRow {
  created_at: Date;
  expires_at: Date | null;
  last_used_at: Date | null;
}

/** A key as its MAC covers it. */
export interface StoredClientKeyRow {
  hash: Buffer;
  client_id: ClientId;
  created_at: Date;
  expires_at: Date | null;
  mac: Buffer | null;
}

/** An identity as its MAC covers it. */
export interface StoredClientIdentityRow extends ClientIdentity {
  client_id: ClientId;
  mac: Buffer | null;
}
