/** The page that a tab which was only opened to sign in ends on. */
export const SIGNED_IN_PATH = '/signed-in';

/** Where the sign-in at the issuer begins. It ends on `path`, a path below `/console`. */
export function oidcAddress(path: string, isFresh: boolean): string {
  const query = new URLSearchParams({ return_to: `/console${path === '/' ? '' : path}` });
  if (isFresh) query.set('fresh', 'true');
  return `/console/sign-in/oidc?${query}`;
}
