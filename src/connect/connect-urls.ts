import type { Config } from '../config/config.ts';

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

/** The path of a connect link on our host. */
export function connectPath({ publicUrl }: Config, token: string): string {
  return `${new URL(publicUrl).pathname.replace(/\/$/, '')}/connect/${encodeURIComponent(token)}`;
}

/** Where an attempt's result is shown; `attempt` null: the browser's newest. */
export function resultUrl(config: Config, token: string, attempt: string | null): string {
  return `${connectUrl(config, token)}/result${attempt === null ? '' : `?attempt=${attempt}`}`;
}

/** Our API docs, for the developers of the product behind a page. */
export function docsUrl({ publicUrl }: Config): string {
  return `${publicUrl}/docs`;
}
