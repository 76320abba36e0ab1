import type { Product } from '../config/config.ts';
import type { CallerId, ClientId, SessionId } from './ids.ts';

/** A `tenant_admin` administers the apps and connections of the tenants that its policy names. */
export const ROLES = ['service', 'admin', 'auditor', 'tenant_admin'] as const;
export type Role = (typeof ROLES)[number];
export const LEASE_MODES = ['gateway', 'token'] as const;
export type LeaseMode = (typeof LEASE_MODES)[number];

/** How a person signed in to the console: with a client's key, a link that works once, or OpenID Connect. */
export const SIGN_IN_METHODS = ['key', 'link', 'oidc'] as const;
export type SignInMethod = (typeof SIGN_IN_METHODS)[number];

/** The person whose session of the console made a request. */
export interface SignedInPerson {
  readonly sessionId: SessionId;
  readonly method: SignInMethod;
  /** The client's id, the link's id, or the issuer's `sub`. */
  readonly subject: string;
  readonly name: string;
  /** When the person last proved who they are. Null: the issuer did not say. */
  readonly authenticatedAt: Date | null;
}

/** Who a request's key, token, or session authenticated, with their policy. */
export interface AuthenticatedClient {
  readonly clientId: CallerId;
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
  /** Absent: no session made the request. */
  readonly person?: SignedInPerson;
}

/** A client authenticated by its own key or token. */
export interface ResolvedClient extends AuthenticatedClient {
  readonly clientId: ClientId;
}
