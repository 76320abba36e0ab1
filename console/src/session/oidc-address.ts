/** The last page of a tab that was opened only to sign in. */
export const SIGNED_IN_PATH = '/signed-in';

/** The longest return path that the service accepts. */
const MAX_PATH_LENGTH = 480;

/** The path of a page with its filters, without the parameters that a failed sign-in added. */
export function pagePath(location: string, search: URLSearchParams): string {
  const filters = new URLSearchParams(search);
  filters.delete('sign_in_error');
  const path = filters.size === 0 ? location : `${location}?${filters}`;
  return path.length > MAX_PATH_LENGTH ? location : path;
}

/** Where the sign-in at the issuer begins. It ends on `path`, a path below `/console`. */
export function oidcAddress(publicPath: string, path: string, isFresh: boolean): string {
  const query = new URLSearchParams({ return_to: `/console${path === '/' ? '' : path}` });
  if (isFresh) query.set('fresh', 'true');
  return `${publicPath}/console/sign-in/oidc?${query}`;
}
