import type { ConnectionId } from '../../connections/ids.ts';
import type { Notice } from '../../customer-pages/messages/messages.ts';
import type { ConnectErrorCode } from '../connect-problems.ts';

const MAX_LENGTH = 2048;
const RESERVED_PARAMETERS = ['status', 'connection_id', 'error'];

/** Appended to a `return_url` (docs/api.md#connecting), or shown on our page, where a notice says it more exactly. */
export type ConnectResult = { connectionId: ConnectionId } | { error: ConnectErrorCode; notice?: Notice | null };

/**
 * Checks a `return_url`: absolute, http(s), allowed origin, no user, no fragment, none of our parameters. Returns the
 * reason if it is rejected.
 */
export function checkReturnUrl(value: string, origins: readonly string[]): { url: string } | { fault: string } {
  // URL parsers accept backslashes, tabs and outer spaces, and browsers and proxies differ in how.
  if (value.length > MAX_LENGTH || /[\s\\]/.test(value) || !/^https?:\/\//i.test(value) || !URL.canParse(value)) {
    return { fault: `must be an absolute http(s) address of at most ${MAX_LENGTH} characters` };
  }
  const url = new URL(value);
  if (url.username !== '' || url.password !== '') return { fault: 'must not have a user or password' };
  if (value.includes('#')) return { fault: 'must not have a fragment' };
  if (RESERVED_PARAMETERS.some((name) => url.searchParams.has(name))) {
    return { fault: `must not have a parameter named ${RESERVED_PARAMETERS.join(', ')}: those are added` };
  }
  if (!origins.includes(url.origin)) {
    return { fault: 'has an origin that is not in RETURN_URL_ORIGINS' };
  }
  return { url: url.href };
}

/** Adds the result; keeps the existing query as written. */
export function withResult(returnUrl: string, result: ConnectResult): string {
  const added =
    'error' in result ? `status=error&error=${result.error}` : `status=connected&connection_id=${result.connectionId}`;
  if (!returnUrl.includes('?')) return `${returnUrl}?${added}`;
  return /[?&]$/.test(returnUrl) ? `${returnUrl}${added}` : `${returnUrl}&${added}`;
}
