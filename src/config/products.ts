/** What a connection is for. */
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
/** Flows in which a user goes through a dialog of Meta's. */
export type DialogFlow = Exclude<Flow, 'import'>;

/** What kind of principal a token of Meta's speaks for. What is special about each kind is in `meta/tokens/token-kinds.ts`. */
export type TokenKind = 'user' | 'page' | 'system_user' | 'instagram_user' | 'threads_user';
export const TOKEN_KINDS: readonly TokenKind[] = ['user', 'page', 'system_user', 'instagram_user', 'threads_user'];
