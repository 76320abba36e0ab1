import type { ConnectionId } from '../../connections/ids.ts';
import type { ConnectErrorCode } from '../connect-problems.ts';

const MAX_LENGTH = 2048;
const RESERVED_PARAMETERS = ['status', 'connection_id', 'error'];

/** Text for the user in place of the problem's own; on our pages only. */
export interface UserMessage {
  detail?: string;
  remedy?: string;
}

/** What is appended to a `return_url` (CONTRACT 4) or shown on our own page. */
export type ConnectResult = { connectionId: ConnectionId } | { error: ConnectErrorCode; userMessage?: UserMessage };

/**
 * A `return_url` as it may be stored: absolute, http(s), of an allowed origin, without user, fragment and the parameters that
 * we add. Otherwise the reason why it is rejected, for the client.
 */
export function checkReturnUrl(value: string, origins: readonly string[]): { url: string } | { fault: string } {
  // The URL parser forgives backslashes, tabs and surrounding spaces; browsers and proxies forgive differently.
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

/** The address that the browser is sent to; the query that was there stays as it was written. */
export function withResult(returnUrl: string, result: ConnectResult): string {
  const added =
    'error' in result ? `status=error&error=${result.error}` : `status=connected&connection_id=${result.connectionId}`;
  if (!returnUrl.includes('?')) return `${returnUrl}?${added}`;
  return /[?&]$/.test(returnUrl) ? `${returnUrl}${added}` : `${returnUrl}&${added}`;
}
