import { TOKEN_KINDS, type TokenKind } from '../../config/products.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';
import type { TokenHostName } from '../graph/graph-host.ts';

/** One token for another of the same subject. */
export type TokenGrant =
  /** A POST with the app's id and secret in the form. */
  | {
      readonly method: 'POST';
      readonly grantType: 'fb_exchange_token';
      readonly operation: string;
      readonly parameters: Readonly<Record<string, string>>;
    }
  /** A GET: Instagram and Threads know no other. The app's secret has no other place than the address where it is sent. */
  | {
      readonly method: 'GET';
      readonly grantType: string;
      readonly operation: string;
      readonly path: '/access_token' | '/refresh_access_token';
      readonly sendsSecret: boolean;
    };

/** Short-lived tokens for long-lived ones. */
export interface LongLivedExchange {
  readonly grant: TokenGrant;
  /**
   * `always`: wherever a short-lived token comes from. `after_code`: only for what a code was exchanged for, because inspection does not
   * report whether a supplied token is short-lived. `never`: its lifetime was chosen when it was issued.
   */
  readonly when: 'always' | 'after_code' | 'never';
}

/** How Meta is asked whether a token is valid. `meFields`: what `/me` is asked for, as the only way or where `debug_token` gives no result. */
type TokenInspection =
  | { readonly by: 'debug_token'; readonly meFields: string | null }
  | { readonly by: 'me'; readonly meFields: string };

/** What is special about tokens of one kind. A new kind is one entry in the table below. */
export interface TokenKindDescriptor {
  readonly kind: TokenKind;
  /** Where calls with it go, and with that, whose app id and secret count. */
  readonly host: TokenHostName;
  readonly exchange: LongLivedExchange | null;
  /** Null: not refreshed. */
  readonly refresh: TokenGrant | null;
  /** Meta refreshes no token that is younger. */
  readonly minRefreshAgeSeconds: number;
  /** Every token ends (after 60 days): an expiry that is not reported is unknown, not "never". */
  readonly alwaysExpires: boolean;
  /** `debug_token`'s `type`; null where that names no such type. */
  readonly debugTokenType: string | null;
  readonly inspection: TokenInspection;
  /** `grant`: the user's whole grant to the app. `token`: this token. Null: Meta has no call for it. */
  readonly revocation: 'grant' | 'token' | null;
  /** Whether Meta generates another token of the same subject on demand (`SystemUserApi`). */
  readonly isRotatable: boolean;
  /** Read again with the user's token, by the id of the Page, in place of being refreshed. */
  readonly isDerived: boolean;
  /** Whether page tokens are derived from it. */
  readonly derivesPageTokens: boolean;
  /** Its subject is a page; the user behind it is another id. */
  readonly speaksForPage: boolean;
  /** Whether inspection reports the end of data access. */
  readonly reportsDataAccess: boolean;
  /** Whether `/me/permissions` lists its scopes where inspection does not. */
  readonly listsPermissions: boolean;
  /** Whether the name of its subject is read from graph.facebook.com's `/me`. */
  readonly isNamedByMe: boolean;
  /** Whether it may belong to a client's business (business-integration system users). */
  readonly mayHaveClientBusiness: boolean;
  /** Whether assets are assigned to it in the business settings, and listed as such. */
  readonly hasAssignedAssets: boolean;
  /** What tokens begin with, as far as was seen. A hint only. */
  readonly prefixes: readonly string[];
  /** What all of them begin with, as short as can be. */
  readonly prefixFamily: string;
  /** Beginnings by which a token of unknown kind is inspected as this one first. */
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

/** Logins of their own, outside of facebook.com: one account, no pages, no data-access limit, no revocation by API. */
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

/** What is special about tokens of this kind. Throws for a kind that is not in the table, such as one that another release stored. */
export function tokenKind(kind: TokenKind): TokenKindDescriptor {
  if (Object.hasOwn(DESCRIPTORS, kind)) return DESCRIPTORS[kind];
  throw new Error(`${JSON.stringify(kind)} is no kind of token that this release knows (${TOKEN_KINDS.join(', ')}).`);
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
