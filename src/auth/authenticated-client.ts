import type { Product } from '../config/config.ts';
import type { ClientId } from './ids.ts';

/** A `tenant_admin` administers the apps and connections of the tenants that its policy names. */
export const ROLES = ['service', 'admin', 'auditor', 'tenant_admin'] as const;
export type Role = (typeof ROLES)[number];
export const LEASE_MODES = ['gateway', 'token'] as const;
export type LeaseMode = (typeof LEASE_MODES)[number];

/** The client that a request's key or token authenticated, with its policy. */
export interface AuthenticatedClient {
  readonly clientId: ClientId;
  readonly name: string;
  readonly role: Role;
  /** `['*']` means all. */
  readonly tenants: readonly string[];
  readonly products: readonly (Product | '*')[];
  readonly leaseModes: readonly LeaseMode[];
  readonly maxTtlSeconds: number;
  readonly rateLimitPerSecond: number | null;
  /** Null: any address. */
  readonly ipAllowList: readonly string[] | null;
  /** Hot statements check it again when they write, because this copy may come from a cache. */
  readonly policyVersion: number;
  /** Hash of the key used, also checked again by hot statements. Null for an issuer's token. */
  readonly keyHash: Buffer | null;
}
