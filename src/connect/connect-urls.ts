import type { Config } from '../config/config.ts';

/** The one redirect URI, byte for byte the same for the dialog and for the exchange of its code. */
export function redirectUri({ publicUrl }: Config): string {
  return `${publicUrl}/oauth/meta/callback`;
}

/** A connect link. `token` is URL-safe. */
export function connectUrl({ publicUrl }: Config, token: string): string {
  return `${publicUrl}/connect/${token}`;
}

/** The path of a connect link on our host. */
export function connectPath({ publicUrl }: Config, token: string): string {
  return `${new URL(publicUrl).pathname.replace(/\/$/, '')}/connect/${encodeURIComponent(token)}`;
}

/** Where a browser's attempt shows its result; `attempt` null: the newest of the browser. */
export function resultUrl(config: Config, token: string, attempt: string | null): string {
  return `${connectUrl(config, token)}/result${attempt === null ? '' : `?attempt=${attempt}`}`;
}

/** Where our routes are described, for whoever runs the product behind a page. */
export function docsUrl({ publicUrl }: Config): string {
  return `${publicUrl}/docs`;
}
