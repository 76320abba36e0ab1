import { PRODUCTS, type Product } from '../../config/config.ts';
import type { CredentialKind } from '../tokens/credential-kind.ts';

/** The ways in (CONTRACT 1). */
export type Flow = 'facebook_login' | 'instagram_login' | 'threads_login' | 'embedded_signup' | 'import';
/** Flows in which a person meets a dialog of Meta's. */
export type DialogFlow = Exclude<Flow, 'import'>;

/** Without a required scope the product does not work; an optional one adds to it. */
export interface ProductScopes {
  required: readonly string[];
  optional: readonly string[];
}

const FLOWS: Readonly<Record<Product, readonly Flow[]>> = {
  whatsapp: ['embedded_signup', 'facebook_login', 'import'],
  instagram: ['facebook_login', 'instagram_login', 'import'],
  ads: ['facebook_login', 'import'],
  pages: ['facebook_login', 'import'],
  threads: ['threads_login', 'import'],
};

/** For flows on facebook.com (META.md 5, 8). */
const FACEBOOK_SCOPES: Readonly<Record<Product, ProductScopes>> = {
  whatsapp: {
    required: ['whatsapp_business_management', 'whatsapp_business_messaging'],
    optional: ['business_management'],
  },
  instagram: {
    required: ['instagram_basic', 'pages_show_list', 'pages_read_engagement'],
    optional: [
      'instagram_manage_insights',
      'instagram_manage_comments',
      'instagram_manage_messages',
      'instagram_content_publish',
      'business_management',
    ],
  },
  ads: { required: ['ads_management', 'ads_read'], optional: ['business_management'] },
  pages: {
    required: ['pages_show_list', 'pages_read_engagement'],
    optional: [
      'pages_manage_posts',
      'pages_manage_engagement',
      'pages_manage_metadata',
      'pages_read_user_content',
      'pages_messaging',
      'read_insights',
      'business_management',
    ],
  },
  threads: { required: [], optional: [] },
};

/** META.md 7; the old `business_*` names ended on 27 Jan 2025. */
const INSTAGRAM_LOGIN_SCOPES: ProductScopes = {
  required: ['instagram_business_basic'],
  optional: [
    'instagram_business_content_publish',
    'instagram_business_manage_messages',
    'instagram_business_manage_comments',
    'instagram_business_manage_insights',
  ],
};

const THREADS_SCOPES: ProductScopes = {
  required: ['threads_basic'],
  optional: ['threads_content_publish', 'threads_manage_insights', 'threads_manage_replies', 'threads_read_replies'],
};

/** The flows that a product has (CONTRACT 4). */
export function flowsOf(product: Product): readonly Flow[] {
  return FLOWS[product];
}

/** The one table of scopes. `import` is seen as the login that such tokens come from: Threads' for threads, else facebook.com's. */
export function scopesOf(product: Product, flow: Flow): ProductScopes {
  if (flow === 'instagram_login') return INSTAGRAM_LOGIN_SCOPES;
  if (flow === 'threads_login' || product === 'threads') return THREADS_SCOPES;
  return FACEBOOK_SCOPES[product];
}

/** What the dialog asks for when the caller names no scopes: the required ones, then the optional ones. */
export function defaultScopes(product: Product, flow: Flow): string[] {
  const { required, optional } = scopesOf(product, flow);
  return [...required, ...optional];
}

/** The product's main way in, whose scopes `/meta/config` shows. */
export function mainFlowOf(product: Product): DialogFlow {
  return product === 'threads' ? 'threads_login' : product === 'whatsapp' ? 'embedded_signup' : 'facebook_login';
}

/**
 * Required scopes that are not among `granted`. An imported Instagram token may come from either login, told apart by its kind;
 * `ads_management` covers `ads_read` in what it permits, but Meta grants them one by one, so both are looked for.
 */
export function missingScopes(product: Product, flow: Flow, granted: readonly string[]): string[] {
  const held = new Set(granted);
  return scopesOf(product, flow).required.filter((scope) => !held.has(scope));
}

/** The same of a token, by its kind; none where its scopes are not known: Instagram's and Threads' hosts do not tell them. */
export function missingScopesOfToken(product: Product, kind: CredentialKind, granted: readonly string[]): string[] {
  if (granted.length === 0) return [];
  const flow = kind === 'instagram_user' ? 'instagram_login' : 'facebook_login';
  return missingScopes(product, flow, granted);
}

/** The kinds that the root credential of such a connection can have; the true kind is told by inspection. */
export function expectedTokenKinds(product: Product, flow: Flow): readonly CredentialKind[] {
  switch (flow) {
    case 'instagram_login':
      return ['instagram_user'];
    case 'threads_login':
      return ['threads_user'];
    case 'embedded_signup':
      return ['system_user', 'user'];
    // A Facebook Login for Business configuration can yield a system-user token (META.md 6).
    case 'facebook_login':
      return ['user', 'system_user'];
    case 'import':
      return product === 'threads'
        ? ['threads_user']
        : product === 'instagram'
          ? ['system_user', 'user', 'page', 'instagram_user']
          : ['system_user', 'user', 'page'];
  }
}

/** What the flow's dialog most likely ends in, where nothing else is known yet. */
export function expectedTokenKind(product: Product, flow: Flow): CredentialKind {
  return expectedTokenKinds(product, flow)[0] ?? 'user';
}

/** Every scope that the table names, without repeats. */
export function allKnownScopes(): string[] {
  return [...new Set(PRODUCTS.flatMap((product) => FLOWS[product].flatMap((flow) => defaultScopes(product, flow))))];
}
