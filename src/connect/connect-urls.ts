import type { Config } from '../config/config.ts';
import { publicPath } from '../config/public-path.ts';
import type { Notice } from '../customer-pages/messages/messages.ts';
import type { ConnectSessionId } from './ids.ts';

/**
 * The one redirect URI, identical byte for byte in the dialog and the code exchange
 * (docs/meta-facts.md#redirect-uris-match-exactly).
 */
export function redirectUri({ publicUrl }: Config): string {
  return `${publicUrl}/oauth/meta/callback`;
}

export function connectUrl({ publicUrl }: Config, token: string): string {
  return `${publicUrl}/connect/${token}`;
}

/**
 * The path of a connect link on our host. `link`: its token, or the session's id for a browser that opened it before.
 */
export function connectPath(
  config: Config,
  link: string,
  { page = '', inPopup = false }: { page?: '' | '/signup' | '/dialog'; inPopup?: boolean } = {},
): string {
  return `${publicPath(config)}/connect/${encodeURIComponent(link)}${page}${inPopup ? '?display=popup' : ''}`;
}

/** Our last page of an attempt. Without code and state: the browser proves the attempt with its cookie. */
export function doneUrl(
  config: Config,
  sessionId: ConnectSessionId,
  { attempt, notice }: { attempt: string; notice: Notice | null },
): string {
  const query = new URLSearchParams({ attempt, ...(notice === null ? {} : { notice }) });
  return `${connectUrl(config, sessionId)}/done?${query}`;
}

/** Our API docs, for the developers of the product behind a page. */
export function docsUrl({ publicUrl }: Config): string {
  return `${publicUrl}/docs`;
}
