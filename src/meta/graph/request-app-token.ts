import { requireApp } from './app-credentials.ts';
import type { TokenHostName } from './graph-host.ts';
import type { GraphResponse, GraphTransport } from './graph-transport.ts';

/** Requests an app token with `client_credentials`, which checks our app id and secret. Throws `MetaError`. */
export async function requestAppToken(transport: GraphTransport, host: TokenHostName): Promise<GraphResponse> {
  const operation = 'check_app';
  const resolved = transport.host(host);
  const app = requireApp(resolved, operation);
  return transport.call({
    operation,
    context: 'app_call',
    host,
    method: 'POST',
    path: resolved.tokenPath,
    form: { client_id: app.id, client_secret: app.secret.expose(), grant_type: 'client_credentials' },
    auth: { by: 'none' },
    effect: 'repeatable',
    acceptForm: true,
    keepsWords: true,
  });
}
