import type { SecretString } from '../../platform/secret-string.ts';
import type { GraphCall } from './graph-call.ts';
import type { GraphTransport } from './graph-transport.ts';

/** Builds a read of graph.facebook.com with a credential. `path` follows the version. */
export function readCall(
  transport: GraphTransport,
  operation: string,
  path: string,
  token: SecretString,
  query: Record<string, string>,
): GraphCall {
  return {
    operation,
    context: 'graph',
    host: 'facebook',
    method: 'GET',
    path: `/${transport.host('facebook').version}${path}`,
    query,
    auth: { by: 'credential', token },
    effect: 'read',
  };
}
