import type { HttpRequest } from '../../platform/http-client/http-client.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import type { CallContext } from '../errors/classify-error.ts';
import { appToken } from './app-credentials.ts';
import { computeAppsecretProof } from './appsecret-proof.ts';
import type { GraphHost, GraphHostName } from './graph-host.ts';

/**
 * Who is calling. The token goes in the `Authorization` header; a credential adds its appsecret_proof if the host
 * supports proofs and its app is configured.
 */
export type GraphAuth =
  | { by: 'credential'; token: SecretString; proof?: boolean }
  | { by: 'app' }
  /** The parameters carry everything that is needed. */
  | { by: 'none' };

export interface GraphCall {
  /** Our name for the call in metrics and errors. A constant, never built from input. */
  operation: string;
  context: CallContext;
  host: GraphHostName;
  method: 'GET' | 'POST' | 'DELETE';
  /** Path below the base URL: leading slash, and the version if the host has one. */
  path: string;
  /** May end up in other parties' logs: no token, secret or code unless Meta accepts it nowhere else. */
  query?: Record<string, string>;
  /** Form fields of a POST. */
  form?: Record<string, string>;
  auth: GraphAuth;
  /** `read` changes nothing; `repeatable` may run twice; `once` must not be repeated if it may have arrived. */
  effect: 'read' | 'repeatable' | 'once';
  /** Accept the old form-encoded token responses. */
  acceptForm?: boolean;
  /** Keep the text of Meta's error. Only for calls that carry no user's token, which it might quote. */
  keepsWords?: boolean;
  /** Per try; default 10 s. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

/** Builds the HTTP request. Throws `MetaError` for a call as the app if no app is configured. */
export function buildRequest(
  host: GraphHost,
  call: GraphCall,
): Pick<HttpRequest, 'method' | 'url' | 'headers' | 'body'> {
  const query = new URLSearchParams(call.query);
  const form = call.method === 'POST' ? new URLSearchParams(call.form) : null;
  const headers: Record<string, string> = { accept: 'application/json' };
  if (call.auth.by === 'app') headers['authorization'] = `Bearer ${appToken(host, call.operation).expose()}`;
  if (call.auth.by === 'credential') {
    headers['authorization'] = `Bearer ${call.auth.token.expose()}`;
    if (host.isProofSupported && host.app !== null && call.auth.proof !== false) {
      (form ?? query).set('appsecret_proof', computeAppsecretProof(call.auth.token, host.app.secret));
    }
  }
  if (form !== null) headers['content-type'] = 'application/x-www-form-urlencoded';
  const search = query.toString();
  return {
    method: call.method,
    url: `${host.baseUrl}${call.path}${search === '' ? '' : `?${search}`}`,
    headers,
    body: form === null ? null : form.toString(),
  };
}
