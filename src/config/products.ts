/** The Meta product that a connection gives access to. */
export type Product = 'whatsapp' | 'instagram' | 'ads' | 'pages' | 'threads';
export const PRODUCTS: readonly Product[] = ['whatsapp', 'instagram', 'ads', 'pages', 'threads'];

/** How a connection is authorized. */
export type Flow = 'facebook_login' | 'instagram_login' | 'threads_login' | 'embedded_signup' | 'import';
export const FLOWS: readonly Flow[] = [
  'facebook_login',
  'instagram_login',
  'threads_login',
  'embedded_signup',
  'import',
];
/** Flows that take a user through a Meta dialog. */
export type DialogFlow = Exclude<Flow, 'import'>;

/** Whom a token speaks for. `meta/tokens/token-kinds.ts` describes each kind. */
export type TokenKind = 'user' | 'page' | 'system_user' | 'instagram_user' | 'threads_user';
export const TOKEN_KINDS: readonly TokenKind[] = ['user', 'page', 'system_user', 'instagram_user', 'threads_user'];
