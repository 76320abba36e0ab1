import type { SecretString } from '../platform/secret-string.ts';
import type { Product } from './products.ts';

export { PRODUCTS, type Product } from './products.ts';

/** One of Meta's apps as its dashboard shows it: the Meta app itself, or the Instagram or Threads app inside it. */
export interface AppCredentials {
  readonly id: string;
  readonly secret: SecretString;
}

export interface MetaConfig {
  readonly app: AppCredentials;
  /** Apps of their own at Meta, with no default. Null: the login is not configured. */
  readonly instagramApp: AppCredentials | null;
  readonly threadsApp: AppCredentials | null;
  /** During a rotation of the app secret: still accepted for signatures of webhooks and signed requests. */
  readonly previousAppSecret: SecretString | null;
  /** `v26.0` */
  readonly graphApiVersion: string;
  /** Bases without a trailing slash; a base may have a path. */
  readonly graphUrl: string;
  readonly graphVideoUrl: string;
  readonly ruploadUrl: string;
  readonly dialogUrl: string;
  readonly instagramGraphUrl: string;
  readonly instagramApiUrl: string;
  readonly instagramDialogUrl: string;
  readonly threadsGraphUrl: string;
  readonly threadsDialogUrl: string;
  /** Facebook Login for Business configurations; replaces `scope` in the dialog. */
  readonly loginConfigIds: Readonly<Partial<Record<Product, string>>>;
  readonly webhookVerifyToken: SecretString | null;
}

export type KeyProviderConfig =
  | { readonly provider: 'local'; readonly rootKey: SecretString; readonly previousRootKey: SecretString | null }
  | {
      readonly provider: 'aws';
      readonly keyId: string;
      readonly endpointUrl: string | null;
      /** While the ring moves from another key of KMS to this one. */
      readonly previousKeyId: string | null;
      /** While a ring that a local root key wraps moves to KMS. */
      readonly previousRootKey: SecretString | null;
    }
  | {
      /** The Transit engine of HashiCorp Vault or OpenBao. */
      readonly provider: 'transit';
      readonly address: string;
      readonly mount: string;
      readonly keyName: string;
      /** While the ring moves from another key of the same engine to this one. */
      readonly previousKeyName: string | null;
      readonly namespace: string | null;
      /** The token, or the file that an agent keeps it in. */
      readonly token: SecretString | { readonly file: string };
      readonly previousRootKey: SecretString | null;
    };

/** The issuers whose JWTs clients may use in place of a key. */
export interface OidcConfig {
  /** Exactly as tokens contain them. Empty: no token is accepted. */
  readonly issuers: readonly string[];
  /** Who a token must be meant for: one of these. */
  readonly audiences: readonly string[];
}

/** How long payloads of Meta's are kept: for as long as the retention says, or until everybody who gets them has them. */
export const WEBHOOK_KEEPS = ['retention', 'until_delivered'] as const;
export type WebhookKeep = (typeof WEBHOOK_KEEPS)[number];

/** The environment, parsed once, checked whole, frozen. */
export abstract class Config {
  abstract readonly environment: 'development' | 'production' | 'test';
  abstract readonly host: string;
  abstract readonly port: number;
  /** Without a trailing slash. */
  abstract readonly publicUrl: string;
  /** Null: the embedded database under `dataDir`. */
  abstract readonly databaseUrl: SecretString | null;
  abstract readonly dataDir: string;
  abstract readonly meta: MetaConfig;
  /** Origins (`https://app.example`) that a `return_url` may have. */
  abstract readonly returnUrlOrigins: readonly string[];
  /** Null: unset, see CONTRACT 3. */
  abstract readonly subscriptionHosts: readonly string[] | null;
  abstract readonly keys: KeyProviderConfig;
  abstract readonly bootstrapAdminKey: SecretString | null;
  abstract readonly oidc: OidcConfig;
  /** Ranges of the proxies whose `X-Forwarded-For` is believed. */
  abstract readonly trustedProxies: readonly string[];
  /** What the bodies of callers who are not known may take in memory together. */
  abstract readonly unauthenticatedBodyBytes: number;
  /** Null: off on this replica. */
  abstract readonly refreshCron: string | null;
  abstract readonly healthCron: string | null;
  abstract readonly claimSeconds: number;
  abstract readonly retentionDays: number;
  /** How long payloads of Meta's are kept, if not deleted before. */
  abstract readonly webhookRetentionDays: number;
  abstract readonly webhookKeep: WebhookKeep;
  abstract readonly refreshBeforeExpirySeconds: number;
  /** The age at which tokens of system users that never expire are rotated. Null: never. */
  abstract readonly rotateSystemUsersDays: number | null;
  abstract readonly logLevel: string;
  /** What does not stop the start, and yet should not stay: a sentence each, beginning with the variable. */
  abstract readonly warnings: readonly string[];
}
