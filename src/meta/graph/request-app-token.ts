import type { TokenHostName } from './graph-host.ts';
import type { GraphResponse, GraphTransport } from './graph-transport.ts';

/** Asks for an app token by `client_credentials`: whether Meta takes our app's id and secret. Throws `MetaError`. */
export function requestAppToken(transport: GraphTransport, host: TokenHostName): Promise<GraphResponse> {
  const { app, tokenPath } = transport.host(host);
  return transport.call({
    operation: 'check_app',
    context: 'app_call',
    host,
    method: 'POST',
    path: tokenPath,
    form: { client_id: app.id, client_secret: app.secret.expose(), grant_type: 'client_credentials' },
    auth: { by: 'none' },
    effect: 'repeatable',
    acceptForm: true,
  });
}
