import type { Product } from '../config/config.ts';
import type { ClientId } from './ids.ts';

export type Role = 'service' | 'admin' | 'auditor';
export type LeaseMode = 'gateway' | 'token';

/** The client that a request comes from, as its key or token proved, with its policy. */
export interface AuthenticatedClient {
  readonly clientId: ClientId;
  readonly name: string;
  readonly role: Role;
  /** `['*']` is all. */
  readonly tenants: readonly string[];
  readonly products: readonly (Product | '*')[];
  readonly leaseModes: readonly LeaseMode[];
  readonly maxTtlSeconds: number;
  readonly rateLimitPerSecond: number | null;
  /** Null: from everywhere. */
  readonly ipAllowList: readonly string[] | null;
  /** A hot statement compares it while it writes: what is remembered here may have been changed. */
  readonly policyVersion: number;
  /** The look-up hash of the key that was used, which a hot statement checks again as well; null for a token of an issuer. */
  readonly keyHash: Buffer | null;
}
