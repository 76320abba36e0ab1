import type { HttpRequest } from '../../platform/http-client/http-client.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import type { CallContext } from '../errors/classify-error.ts';
import { appToken } from './app-credentials.ts';
import { computeAppsecretProof } from './appsecret-proof.ts';
import type { GraphHost, GraphHostName } from './graph-host.ts';

/** Who calls. The token goes in the `Authorization` header; a credential's with its proof where the host knows it and its app is configured. */
export type GraphAuth =
  | { by: 'credential'; token: SecretString; proof?: boolean }
  | { by: 'app' }
  /** The call carries what it needs in its parameters. */
  | { by: 'none' };

export interface GraphCall {
  /** Our name for the call, for metrics and errors: a constant, never made of input. */
  operation: string;
  context: CallContext;
  host: GraphHostName;
  method: 'GET' | 'POST' | 'DELETE';
  /** Below the base, with a leading slash and the version where there is one. */
  path: string;
  /** Reaches logs of others: no token, secret or code, unless Meta takes it nowhere else. */
  query?: Record<string, string>;
  /** Form fields of a POST. */
  form?: Record<string, string>;
  auth: GraphAuth;
  /** `read` changes nothing; `repeatable` may be done twice; `once` must not be repeated once it may have arrived. */
  effect: 'read' | 'repeatable' | 'once';
  /** Old form-encoded token responses count as good. */
  acceptForm?: boolean;
  /** Per try; 10 s by default. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

/** The HTTP request of a call. Throws `MetaError` where it is the app's and no app is configured. */
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
