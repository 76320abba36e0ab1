/** What the sandbox knows: apps, users, pages and what they granted. Plain data, so that it can be written to a file. */

export type AppKind = 'facebook' | 'instagram' | 'threads';
export type PrincipalKind = 'user' | 'system_user' | 'instagram_user' | 'threads_user';
export type TokenKind = PrincipalKind | 'page';

/** A Facebook Login for Business configuration (META.md 1, 6). `expiresIn: null` means never. */
export interface LoginConfiguration {
  id: string;
  tokenType: 'user' | 'system_user';
  scopes: string[];
  expiresIn: number | null;
}

/** One webhook subscription of an app (META.md 15). */
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
  /** false: the app is in development, only users with a role on it may log in. */
  live: boolean;
  deauthorizeUrl: string | null;
  dataDeletionUrl: string | null;
  /** Where webhooks go that no subscription covers. */
  webhookUrl?: string | null;
  /** The portfolio that owns the app. */
  businessId?: string | null;
  configurations: Record<string, LoginConfiguration>;
  subscriptions: Record<string, Subscription>;
}

/** What one principal granted to one app. `epoch` grows with each event that kills all tokens given so far. */
export interface Grant {
  active: boolean;
  scopes: string[];
  declined: string[];
  epoch: number;
  /** deaths[n] is the subcode that tokens of epoch n died of. */
  deaths: number[];
  dataAccessExpiresAt: number;
  lastFresh?: { token: string; at: number };
  /** scope -> target ids for `granular_scopes`; a missing scope means all objects. */
  targets?: Record<string, string[]>;
  /** Scopes that hold, although `debug_token` does not name them (docs/meta-facts.md). */
  unnamedScopes?: string[];
}

export interface PageRole {
  pageId: string;
  tasks: string[];
  /** Grows when a page token is invalidated, so that a new derivation gives a new string. */
  generation: number;
  /** The person works on the Page through a portfolio only, so `/me/accounts` leaves it out. */
  throughBusiness?: boolean;
}

export interface Principal {
  id: string;
  kind: PrincipalKind;
  name: string;
  email?: string;
  username?: string;
  /** Instagram Login: the 1784... id that webhooks name. */
  accountId?: string;
  /** System users: the business they belong to, and their role. */
  businessId?: string;
  role?: string;
  checkpoint: number | null;
  pageRoles: PageRole[];
  businessIds: string[];
  adAccountIds: string[];
  /** System users: assigned WhatsApp accounts; missing means all of the business. */
  wabaIds?: string[];
  /** System users: apps installed for them, beside those that a grant names. */
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
  /** For some businesses `set_token_expires_in_60_days=true` is compulsory (META.md 6). */
  requiresExpiry: boolean;
  /** Some businesses forbid tokens for system users by their settings. */
  forbidsTokens?: boolean;
  /** What others own, and let this portfolio work on. */
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
  /** Made by a signup that brought a number of this kind; missing for what the business has anyway. */
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
  /** When it was registered or deregistered, as long as that counts (epoch ms). */
  triedAt?: number[];
  /** VERIFIED where it is missing. */
  verification?: 'VERIFIED' | 'NOT_VERIFIED';
  /** CLOUD_API where it is missing. */
  platformType?: string;
  /** It is used in the WhatsApp Business app, too. */
  isOnBizApp?: boolean;
  /** When the number came by coexistence (epoch ms), and what was synchronized since. */
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
  /** A container of a video: how many looks find it in progress still. */
  pendingChecks?: number;
  /** A container whose bytes come to rupload. */
  awaitsUpload?: boolean;
}

/** An asynchronous report on an ad account. */
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
  /** Kept while small; larger uploads are counted and hashed only. */
  bytes: Buffer | null;
}

/** An authorization code (META.md 2, 7, 8). */
export interface CodeRecord {
  code: string;
  appId: string;
  principalId: string;
  redirectUri: string | null;
  fromSdk: boolean;
  expiresAt: number;
  used: boolean;
  tokenKind: PrincipalKind;
  /** null: the token never expires; undefined: the kind's short life. */
  expiresIn?: number | null;
}

/** An upload in chunks: how far it is. Its bytes are counted and dropped. */
export interface UploadSession {
  id: string;
  size: number;
  offset: number;
  /** The video that the chunks become; null for a file. */
  videoId: string | null;
}
