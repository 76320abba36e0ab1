import type { SecretString } from '../platform/secret-string.ts';
import type { BrandingConfig } from './branding-settings.ts';
import type { DatabaseConfig } from './database-settings.ts';
import type { Product } from './products.ts';

export { PRODUCTS, type Product } from './products.ts';

/** An app as in Meta's dashboard: the Meta app, or its Instagram or Threads app. */
export interface AppCredentials {
  readonly id: string;
  readonly secret: SecretString;
}

export interface MetaConfig {
  readonly app: AppCredentials;
  /** Separate apps at Meta, with no fallback. Null: the login is not configured. */
  readonly instagramApp: AppCredentials | null;
  readonly threadsApp: AppCredentials | null;
  /** Still accepted for signatures of webhooks and signed requests while the app secret is rotated. */
  readonly previousAppSecret: SecretString | null;
  /** `v26.0` */
  readonly graphApiVersion: string;
  /** Base URLs without a trailing slash. They may have a path. */
  readonly graphUrl: string;
  readonly graphVideoUrl: string;
  readonly ruploadUrl: string;
  readonly dialogUrl: string;
  readonly instagramGraphUrl: string;
  readonly instagramApiUrl: string;
  readonly instagramDialogUrl: string;
  readonly threadsGraphUrl: string;
  readonly threadsDialogUrl: string;
  /** Facebook Login for Business configurations, which replace `scope` in the dialog. */
  readonly loginConfigIds: Readonly<Partial<Record<Product, string>>>;
  readonly webhookVerifyToken: SecretString | null;
}

export type KeyProviderConfig =
  | { readonly provider: 'local'; readonly rootKey: SecretString; readonly previousRootKey: SecretString | null }
  | {
      readonly provider: 'aws';
      readonly keyId: string;
      readonly endpointUrl: string | null;
      /** Set while the ring moves here from another KMS key. */
      readonly previousKeyId: string | null;
      /** Set while the ring moves here from a local root key. */
      readonly previousRootKey: SecretString | null;
    }
  | {
      /** The Transit engine of HashiCorp Vault or OpenBao. */
      readonly provider: 'transit';
      readonly address: string;
      readonly mount: string;
      readonly keyName: string;
      /** Set while the ring moves here from another key of the same engine. */
      readonly previousKeyName: string | null;
      readonly namespace: string | null;
      /** The token, or the file in which an agent keeps it. */
      readonly token: SecretString | { readonly file: string };
      readonly previousRootKey: SecretString | null;
    };

/** Issuers whose JWTs clients may use instead of a key. */
export interface OidcConfig {
  /** Exactly as in the tokens. Empty: no token is accepted. */
  readonly issuers: readonly string[];
  /** A token must name one of these. */
  readonly audiences: readonly string[];
}

/** How people sign in to the console with OpenID Connect. */
export interface ConsoleOidcConfig {
  /** Exactly as in its tokens. */
  readonly issuer: string;
  /** What the sign-in page calls it. */
  readonly name: string;
  readonly clientId: string;
  /** Null: a public client, which PKCE alone protects. */
  readonly clientSecret: SecretString | null;
  /** Separated by spaces; includes `openid`. */
  readonly scope: string;
  /** The claim that holds a person's groups or roles, as a name or a path (`realm_access.roles`). */
  readonly roleClaim: string;
  /** Which role each value of the claim gives. The first match counts. */
  readonly roles: readonly { readonly role: string; readonly value: string }[];
  /** The claim with the tenants that a person may see. Null: all. */
  readonly tenantsClaim: string | null;
  /** Maximum lifetime of such a session, which keeps its initial role and tenants. */
  readonly sessionSeconds: number;
}

/** The admins' site. */
export interface ConsoleConfig {
  /** Whether a client's API key signs in, unless the client is a service. */
  readonly keySignIn: boolean;
  /** Null: people can't sign in with OpenID Connect. */
  readonly oidc: ConsoleOidcConfig | null;
}

/** Who may see metrics, the details of readiness, and the API document. */
export interface OperationsConfig {
  /** Whether the public port shows them to everybody. */
  readonly isPublic: boolean;
  /** Listener that shows them. Null: there is none. */
  readonly port: number | null;
  readonly host: string;
  /** Bearer token that opens them on the public port. Null: none does. */
  readonly token: SecretString | null;
}

/** Where OpenTelemetry's spans go. */
export interface TracingConfig {
  /** Takes OTLP over HTTP; path included. */
  readonly url: string;
  readonly serviceName: string;
}

/** How lines of the log name tenants: by a keyed hash, as they are, or not at all. */
export const TENANT_LOGGING = ['hash', 'plain', 'off'] as const;
export type TenantLogging = (typeof TENANT_LOGGING)[number];

/** How long Meta's payloads are kept: for the retention period, or until every subscriber has them. */
export const WEBHOOK_KEEPS = ['retention', 'until_delivered'] as const;
export type WebhookKeep = (typeof WEBHOOK_KEEPS)[number];

/** The environment: parsed once, fully validated, frozen. */
export abstract class Config {
  abstract readonly environment: 'development' | 'production' | 'test';
  abstract readonly host: string;
  abstract readonly port: number;
  abstract readonly operations: OperationsConfig;
  /** How long a replica keeps taking requests after it is told to stop. */
  abstract readonly shutdownDelaySeconds: number;
  /** Without a trailing slash. */
  abstract readonly publicUrl: string;
  /** Null: the embedded database in `dataDir`. */
  abstract readonly databaseUrl: SecretString | null;
  abstract readonly database: DatabaseConfig;
  abstract readonly dataDir: string;
  abstract readonly meta: MetaConfig;
  /** Origins (`https://app.example`) allowed in a `return_url`, and as the `origin` of a connect session. */
  abstract readonly returnUrlOrigins: readonly string[];
  abstract readonly branding: BrandingConfig;
  /** Hosts allowed in subscriptions. Null: not set. */
  abstract readonly subscriptionHosts: readonly string[] | null;
  abstract readonly keys: KeyProviderConfig;
  abstract readonly bootstrapAdminKey: SecretString | null;
  abstract readonly oidc: OidcConfig;
  abstract readonly console: ConsoleConfig;
  /** Address ranges of proxies whose `X-Forwarded-For` is trusted. */
  abstract readonly trustedProxies: readonly string[];
  /** Total memory for request bodies of unauthenticated callers. */
  abstract readonly unauthenticatedBodyBytes: number;
  /** Null: off on this replica. */
  abstract readonly refreshCron: string | null;
  abstract readonly healthCron: string | null;
  abstract readonly claimSeconds: number;
  abstract readonly retentionDays: number;
  /** Days that Meta's payloads are kept unless they are deleted earlier. */
  abstract readonly webhookRetentionDays: number;
  abstract readonly webhookKeep: WebhookKeep;
  abstract readonly refreshBeforeExpirySeconds: number;
  /** Age at which non-expiring tokens of system users are rotated. Null: never. */
  abstract readonly rotateSystemUsersDays: number | null;
  abstract readonly logLevel: string;
  abstract readonly logTenants: TenantLogging;
  /** Null: no traces are sent. */
  abstract readonly tracing: TracingConfig | null;
  /** Problems that do not prevent the start, one sentence each, beginning with the variable. */
  abstract readonly warnings: readonly string[];
}
