import { api, unwrap } from '../api/client.ts';

const FRAGMENT = /^#sign-in=(msl_[A-Za-z0-9_-]+)$/;

/**
 * Signs in with the one-time link if the page was opened by one. Removes the link from the URL and the history at once.
 * Returns why it failed, or null.
 */
export async function signInByLink(): Promise<unknown> {
  const link = FRAGMENT.exec(window.location.hash)?.[1];
  if (link === undefined) return null;
  window.history.replaceState(null, '', window.location.pathname + window.location.search);
  return unwrap(api.POST('/v1/console/sessions', { body: { link } })).then(
    () => null,
    (error: unknown) => error,
  );
}
