import type { Product } from '../config/config.ts';
import type { LeaseMode, Role } from './authenticated-client.ts';
import type { AllowPolicy } from './policy/allow-policy.ts';

/** A row of the table `client`, as `CLIENT_COLUMNS` reads it. */
export interface ClientRow {
  id: string;
  name: string;
  role: Role;
  tenants: string[];
  products: (Product | '*')[];
  lease_modes: LeaseMode[];
  max_ttl_seconds: number;
  rate_limit_per_second: number | null;
  /** Null: every call that the gateway passes. */
  allow: AllowPolicy | null;
  /** Null: from everywhere. */
  ip_allow_list: string[] | null;
  /** Goes up with every change. */
  policy_version: number;
  created_at: Date;
}

/** The columns of `client c`. */
export const CLIENT_COLUMNS = `c.id, c.name, c.role, c.tenants, c.products, c.lease_modes, c.max_ttl_seconds, c.rate_limit_per_second,
  c.allow, c.ip_allow_list, c.policy_version, c.created_at`;

/** What a subject may be: text that a terminal, a log and Postgres can hold. Environments of a CI have names with spaces. */
export const SUBJECT_PATTERN = /^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]{1,500}$/u;

/** The JWTs of one subject at one issuer, for one audience: all three are compared exactly. */
export interface ClientIdentity {
  issuer: string;
  audience: string;
  subject: string;
}

/** With what is shown besides the policy. */
export interface ClientDetailsRow extends ClientRow {
  identities: ClientIdentity[];
  /** To about a minute; null: never. */
  last_used_at: Date | null;
}

/** The columns of `client c` for `ClientDetailsRow`. */
export const CLIENT_DETAILS_COLUMNS = `${CLIENT_COLUMNS}, c.last_used_at, (
    SELECT coalesce(json_agg(json_build_object('issuer', i.issuer, 'audience', i.audience, 'subject', i.subject)
      ORDER BY i.issuer, i.subject, i.audience), '[]')
    FROM client_identity i WHERE i.client_id = c.id) AS identities`;

/** What may be shown of a key. */
export interface ClientKeyRow {
  created_at: Date;
  expires_at: Date | null;
  last_used_at: Date | null;
}
