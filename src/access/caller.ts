import type { Product } from '../config/config.ts';

export type Role = 'service' | 'admin' | 'auditor';
export type LeaseMode = 'gateway' | 'token';

/** The client that a request comes from, as its key proved, with its policy. */
export interface Caller {
  readonly clientId: string;
  readonly name: string;
  readonly role: Role;
  /** `['*']` is all. */
  readonly tenants: readonly string[];
  readonly products: readonly (Product | '*')[];
  readonly leaseModes: readonly LeaseMode[];
  readonly maxTtlSeconds: number;
  readonly rateLimitPerSecond: number | null;
  /** The look-up hash of the key that was used: a hot statement checks it again while it writes. */
  readonly keyHash: Buffer;
}
