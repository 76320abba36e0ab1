import type { CustomFetch } from 'openid-client';
import type { HttpClient } from '../../platform/http-client/http-client.ts';

const TIMEOUT_MS = 5_000;
const MAX_BYTES = 256 * 1024;
const NO_BODY = new Set([204, 205, 304]);

/** Lets openid-client call the provider with our HTTP client, which follows no redirects and has limits. */
export function createProviderFetch(http: HttpClient): CustomFetch {
  return async (url, { method, headers, body }) => {
    const response = await http.send({
      method,
      url,
      headers,
      body: body === undefined || body === null ? null : toText(body),
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_BYTES,
    });
    const pairs = Object.entries(response.headers).flatMap(([name, value]) =>
      [value ?? []].flat().map((each): [string, string] => [name, each]),
    );
    const content = NO_BODY.has(response.status) ? null : new Uint8Array(response.body);
    return new Response(content, { status: response.status, headers: pairs });
  };
}

/** openid-client sends forms and nothing else. */
function toText(body: unknown): string {
  if (typeof body === 'string' || body instanceof URLSearchParams) return body.toString();
  throw new TypeError('only forms are sent to an identity provider');
}
