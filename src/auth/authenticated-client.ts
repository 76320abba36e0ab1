import type { Product } from '../config/config.ts';
import type { ClientId } from './ids.ts';

export type Role = 'service' | 'admin' | 'auditor';
export type LeaseMode = 'gateway' | 'token';

/** The client that a request comes from, as its key or token proved, with its policy. */
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
  /** Null: from anywhere. */
  readonly ipAllowList: readonly string[] | null;
  /** Hot statements compare it while writing, because this cached copy may be outdated. */
  readonly policyVersion: number;
  /** The hash of the key that was used, which hot statements check again as well; null for an issuer's token. */
  readonly keyHash: Buffer | null;
}
