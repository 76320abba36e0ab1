/** The sandbox's data: apps, users, Pages and grants. Plain objects, so that they can be saved to a file. */

export type AppKind = 'facebook' | 'instagram' | 'threads';
export type PrincipalKind = 'user' | 'system_user' | 'instagram_user' | 'threads_user';
export type TokenKind = PrincipalKind | 'page';

/** A Facebook Login for Business configuration. `expiresIn: null` means never. */
export interface LoginConfiguration {
  id: string;
  tokenType: 'user' | 'system_user';
  scopes: string[];
  expiresIn: number | null;
}

/** An app's webhook subscription (docs/meta-facts.md#webhooks-of-meta). */
interface Subscription {
  object: string;
  callbackUrl: string;
  fields: string[];
  verifyToken: string;
}

export interface AppRecord {
  id: string;
  secret: string;
  kind: AppKind;
  name: string;
  /** Valid OAuth Redirect URIs; null accepts any absolute http(s) URI. */
  redirectUris: string[] | null;
  requireProof: boolean;
  /** False: in development, so only users with a role on the app may log in. */
  live: boolean;
  deauthorizeUrl: string | null;
  dataDeletionUrl: string | null;
  /** Receives webhooks that no subscription covers. */
  webhookUrl?: string | null;
  /** The portfolio that owns the app. */
  businessId?: string | null;
  configurations: Record<string, LoginConfiguration>;
  subscriptions: Record<string, Subscription>;
}

/** What a principal granted an app. `epoch` increases with each event that kills all existing tokens. */
export interface Grant {
  active: boolean;
  scopes: string[];
  declined: string[];
  epoch: number;
  /** `deaths[n]` is the subcode that killed the tokens of epoch n. */
  deaths: number[];
  dataAccessExpiresAt: number;
  lastFresh?: { token: string; at: number };
  /** `target_ids` for `granular_scopes` by scope; a missing scope means all objects. */
  targets?: Record<string, string[]>;
  /** Scopes that work although `debug_token` does not list them (docs/meta-facts.md#whatsapp-accounts-of-a-token). */
  unnamedScopes?: string[];
}

export interface PageRole {
  pageId: string;
  tasks: string[];
  /** Increases when a Page token is invalidated, so that the next one differs. */
  generation: number;
  /** The user's role is only through a portfolio, so `/me/accounts` leaves the Page out. */
  throughBusiness?: boolean;
}

export interface Principal {
  id: string;
  kind: PrincipalKind;
  name: string;
  email?: string;
  username?: string;
  /** Instagram Login: the 1784… id used in webhooks. */
  accountId?: string;
  /** System users: their business and role. */
  businessId?: string;
  role?: string;
  checkpoint: number | null;
  pageRoles: PageRole[];
  businessIds: string[];
  adAccountIds: string[];
  /** System users: assigned WhatsApp accounts; missing: all of the business. */
  wabaIds?: string[];
  /** System users: installed apps, in addition to those with a grant. */
  installedAppIds?: string[];
  developerOf: string[];
  grants: Record<string, Grant>;
}

export interface PageRecord {
  id: string;
  name: string;
  category: string;
  categoryList: { id: string; name: string }[];
  instagramId: string | null;
  deleted: boolean;
  subscribedApps: Record<string, string[]>;
  /** The portfolio that owns it. */
  businessId?: string | null;
}

export interface InstagramAccount {
  id: string;
  username: string;
  name: string;
}

export interface BusinessRecord {
  id: string;
  name: string;
  /** Requires `set_token_expires_in_60_days=true`, as some businesses do (docs/meta-facts.md#system-users). */
  requiresExpiry: boolean;
  /** Forbids tokens of system users in its settings, as some businesses do. */
  forbidsTokens?: boolean;
  /** Assets of others that this portfolio works on. */
  clientPageIds?: string[];
  clientAdAccountIds?: string[];
  clientWabaIds?: string[];
}

export interface WabaRecord {
  id: string;
  name: string;
  businessId: string;
  currency: string;
  subscribedApps: Record<string, { overrideCallbackUri?: string }>;
  /** The kind of signup that created it; missing for accounts that the business already has. */
  madeFor?: 'unverified' | 'none' | 'coexistence';
}

export interface PhoneNumber {
  id: string;
  wabaId: string;
  displayPhoneNumber: string;
  verifiedName: string;
  qualityRating: string;
  pin: string | null;
  registered: boolean;
  /** Recent attempts to register or deregister, in milliseconds since 1970. */
  triedAt?: number[];
  /** Default VERIFIED. */
  verification?: 'VERIFIED' | 'NOT_VERIFIED';
  /** Default CLOUD_API. */
  platformType?: string;
  /** Also in use in the WhatsApp Business app. */
  isOnBizApp?: boolean;
  /** Coexistence: when the number was onboarded (milliseconds since 1970), and what has been synchronized. */
  onboardedAt?: number;
  synchronized?: string[];
}

export interface AdAccount {
  id: string;
  accountId: string;
  name: string;
  currency: string;
  status: number;
  businessId: string | null;
}

export interface PostRecord {
  id: string;
  ownerId: string;
  message: string;
  createdAt: number;
  /** Video container: number of reads that still find it in progress. */
  pendingChecks?: number;
  /** Container whose bytes go to rupload. */
  awaitsUpload?: boolean;
}

/** An asynchronous report of an ad account. */
export interface ReportRun {
  id: string;
  accountId: string;
  byDay: boolean;
  looks: number;
}

export interface MediaRecord {
  id: string;
  mimeType: string;
  size: number;
  sha256: string;
  /** Kept if small. Larger uploads are only counted and hashed. */
  bytes: Buffer | null;
}

/** An authorization code (docs/meta-facts.md#code-exchange). */
export interface CodeRecord {
  code: string;
  appId: string;
  principalId: string;
  redirectUri: string | null;
  fromSdk: boolean;
  expiresAt: number;
  used: boolean;
  tokenKind: PrincipalKind;
  /** Null: the token never expires; undefined: the kind's short lifetime. */
  expiresIn?: number | null;
}

/** Progress of a chunked upload. Bytes are counted and dropped. */
export interface UploadSession {
  id: string;
  size: number;
  offset: number;
  /** The resulting video; null for a file. */
  videoId: string | null;
}
