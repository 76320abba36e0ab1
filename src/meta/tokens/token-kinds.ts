import { TOKEN_KINDS, type TokenKind } from '../../config/products.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';
import type { TokenHostName } from '../graph/graph-host.ts';

/** How to exchange a token for another one of the same subject. */
export type TokenGrant =
  /** POST with the app's id and secret in the form. */
  | {
      readonly method: 'POST';
      readonly grantType: 'fb_exchange_token';
      readonly operation: string;
      readonly parameters: Readonly<Record<string, string>>;
    }
  /** GET, the only form that Instagram and Threads support. If the secret is sent, it has to be in the URL. */
  | {
      readonly method: 'GET';
      readonly grantType: string;
      readonly operation: string;
      readonly path: '/access_token' | '/refresh_access_token';
      readonly sendsSecret: boolean;
    };

/** How short-lived tokens become long-lived ones. */
export interface LongLivedExchange {
  readonly grant: TokenGrant;
  /**
   * `always`: for every short-lived token. `after_code`: only after a code exchange, because inspection does not tell
   * whether an imported token is short-lived. `never`: the lifetime was chosen at issue.
   */
  readonly when: 'always' | 'after_code' | 'never';
}

/**
 * How to ask Meta about a token. `meFields`: fields to request from `/me`, alone or if `debug_token` gives no result.
 */
type TokenInspection =
  | { readonly by: 'debug_token'; readonly meFields: string | null }
  | { readonly by: 'me'; readonly meFields: string };

/** Describes one kind of token. To add one, add an entry to the table below. */
export interface TokenKindDescriptor {
  readonly kind: TokenKind;
  /** Host that calls go to. It also determines whose app id and secret apply. */
  readonly host: TokenHostName;
  readonly exchange: LongLivedExchange | null;
  /** Null: not refreshable. */
  readonly refresh: TokenGrant | null;
  /** Meta refuses to refresh younger tokens. */
  readonly minRefreshAgeSeconds: number;
  /** True if every token ends (after 60 days), so an unreported expiry is unknown rather than "never". */
  readonly alwaysExpires: boolean;
  /** The `type` in `debug_token`; null if it has none for this kind. */
  readonly debugTokenType: string | null;
  readonly inspection: TokenInspection;
  /** `grant`: ends the user's whole grant. `token`: ends this token. Null: Meta has no call. */
  readonly revocation: 'grant' | 'token' | null;
  /** Whether Meta generates another token of the same subject on demand (`SystemUserApi`). */
  readonly isRotatable: boolean;
  /** Whether it is read again with the user's token, by Page id, instead of being refreshed. */
  readonly isDerived: boolean;
  /** Whether Page tokens are derived from it. */
  readonly derivesPageTokens: boolean;
  /** Whether its subject is a Page, with a user behind it who has another id. */
  readonly speaksForPage: boolean;
  /** Whether inspection reports when data access ends. */
  readonly reportsDataAccess: boolean;
  /** Whether `/me/permissions` lists its scopes if inspection does not. */
  readonly listsPermissions: boolean;
  /** Whether graph.facebook.com's `/me` names its subject. */
  readonly isNamedByMe: boolean;
  /** Whether it may belong to a client's business (business-integration system users). */
  readonly mayHaveClientBusiness: boolean;
  /** Whether the business settings can assign assets to it, which Meta then lists. */
  readonly hasAssignedAssets: boolean;
  /** Known prefixes. A hint only (docs/meta-facts.md#length-and-prefixes). */
  readonly prefixes: readonly string[];
  /** The shortest common prefix. */
  readonly prefixFamily: string;
  /** Prefixes that make a token of unknown kind be inspected as this one first. */
  readonly recognizedPrefixes: readonly string[];
}

const ON_FACEBOOK = {
  host: 'facebook',
  minRefreshAgeSeconds: 0,
  alwaysExpires: false,
  inspection: { by: 'debug_token', meFields: null },
  reportsDataAccess: true,
  isNamedByMe: true,
  isRotatable: false,
  prefixes: ['EAA'],
  prefixFamily: 'EAA',
  recognizedPrefixes: [],
} as const;

/** Logins outside facebook.com: one account, no Pages, no data-access limit, no revocation by API. */
const OWN_LOGIN = {
  minRefreshAgeSeconds: DAY_SECONDS,
  alwaysExpires: true,
  debugTokenType: null,
  revocation: null,
  isRotatable: false,
  isDerived: false,
  derivesPageTokens: false,
  speaksForPage: false,
  reportsDataAccess: false,
  listsPermissions: false,
  isNamedByMe: false,
  mayHaveClientBusiness: false,
  hasAssignedAssets: false,
} as const;

const FACEBOOK_EXCHANGE: TokenGrant = {
  method: 'POST',
  grantType: 'fb_exchange_token',
  operation: 'exchange_long_lived',
  parameters: {},
};

const DESCRIPTORS: Readonly<Record<TokenKind, TokenKindDescriptor>> = {
  user: {
    ...ON_FACEBOOK,
    kind: 'user',
    exchange: { grant: FACEBOOK_EXCHANGE, when: 'always' },
    refresh: { ...FACEBOOK_EXCHANGE, operation: 'renew_user' },
    debugTokenType: 'USER',
    revocation: 'grant',
    isDerived: false,
    derivesPageTokens: true,
    speaksForPage: false,
    listsPermissions: true,
    mayHaveClientBusiness: false,
    hasAssignedAssets: false,
  },
  page: {
    ...ON_FACEBOOK,
    kind: 'page',
    exchange: null,
    refresh: null,
    debugTokenType: 'PAGE',
    revocation: null,
    isDerived: true,
    derivesPageTokens: false,
    speaksForPage: true,
    listsPermissions: false,
    mayHaveClientBusiness: false,
    hasAssignedAssets: false,
  },
  system_user: {
    ...ON_FACEBOOK,
    kind: 'system_user',
    exchange: { grant: FACEBOOK_EXCHANGE, when: 'never' },
    refresh: {
      ...FACEBOOK_EXCHANGE,
      operation: 'renew_system_user',
      parameters: { set_token_expires_in_60_days: 'true' },
    },
    debugTokenType: 'SYSTEM_USER',
    revocation: 'token',
    isRotatable: true,
    isDerived: false,
    derivesPageTokens: true,
    speaksForPage: false,
    listsPermissions: false,
    mayHaveClientBusiness: true,
    hasAssignedAssets: true,
  },
  instagram_user: {
    ...OWN_LOGIN,
    kind: 'instagram_user',
    host: 'instagram',
    exchange: { grant: exchangeByGet('ig_exchange_token'), when: 'after_code' },
    refresh: refreshByGet('ig_refresh_token', 'renew_instagram_user'),
    inspection: { by: 'me', meFields: 'id,user_id,username' },
    prefixes: ['IGAA', 'IGQV'],
    prefixFamily: 'IG',
    recognizedPrefixes: ['IGAA', 'IGQV'],
  },
  threads_user: {
    ...OWN_LOGIN,
    kind: 'threads_user',
    host: 'threads',
    exchange: { grant: exchangeByGet('th_exchange_token'), when: 'after_code' },
    refresh: refreshByGet('th_refresh_token', 'renew_threads_user'),
    inspection: { by: 'debug_token', meFields: 'id,username' },
    prefixes: ['THAA', 'THQV'],
    prefixFamily: 'TH',
    recognizedPrefixes: ['TH'],
  },
};

/** Returns the descriptor of a kind. Throws for an unknown one, such as a kind stored by another release. */
export function tokenKind(kind: TokenKind): TokenKindDescriptor {
  if (Object.hasOwn(DESCRIPTORS, kind)) return DESCRIPTORS[kind];
  throw new Error(`Unknown kind of token ${JSON.stringify(kind)}: this release knows ${TOKEN_KINDS.join(', ')}.`);
}

export function tokenKinds(): TokenKindDescriptor[] {
  return TOKEN_KINDS.map(tokenKind);
}

function exchangeByGet(grantType: string): TokenGrant {
  return { method: 'GET', grantType, operation: 'exchange_long_lived', path: '/access_token', sendsSecret: true };
}

function refreshByGet(grantType: string, operation: string): TokenGrant {
  return { method: 'GET', grantType, operation, path: '/refresh_access_token', sendsSecret: false };
}
