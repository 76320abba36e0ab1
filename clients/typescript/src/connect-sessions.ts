import type { Api } from './api.ts';
import type { CallOptions, Schemas } from './operation-types.ts';

/** Links that connect a customer or reconnect an account. */
export class ConnectSessions {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** Send the customer's browser to the `connect_url` in the response. */
  create(body: Schemas['CreateSessionRequest'], options: CallOptions = {}): Promise<Schemas['ConnectSessionResponse']> {
    return this.#api.request('post', '/v1/connect-sessions', { body, ...options });
  }

  get(id: string, options: CallOptions = {}): Promise<Schemas['ConnectSessionStateResponse']> {
    return this.#api.request('get', '/v1/connect-sessions/{id}', { path: { id }, ...options });
  }

  /** Submits the code or token from Meta's JavaScript SDK. */
  complete(
    id: string,
    body: Schemas['CompleteSessionRequest'],
    options: CallOptions = {},
  ): Promise<Schemas['ConnectionResponse']> {
    return this.#api.request('post', '/v1/connect-sessions/{id}/complete', { path: { id }, body, ...options });
  }
}
