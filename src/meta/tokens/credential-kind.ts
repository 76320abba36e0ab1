/** The kinds of Meta tokens that are kept (CONTRACT 1). */
export type CredentialKind = 'user' | 'page' | 'system_user' | 'instagram_user' | 'threads_user';

export const CREDENTIAL_KINDS: readonly CredentialKind[] = [
  'user',
  'page',
  'system_user',
  'instagram_user',
  'threads_user',
];

/** Whether tokens of this kind live on graph.facebook.com, and are inspected by its `debug_token`. */
export function isFacebookKind(kind: CredentialKind | 'unknown'): boolean {
  return kind !== 'instagram_user' && kind !== 'threads_user';
}
