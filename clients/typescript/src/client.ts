import { Api } from './api.ts';
import { ConnectSessions } from './connect-sessions.ts';
import { Connections } from './connections.ts';
import type { Graph } from './graph.ts';
import type { Hooks } from './hooks.ts';
import type { LeaseTarget } from './lease.ts';
import { Leases } from './leases.ts';
import type { Method, PathOf, RequestRest, RequestResult } from './operation-types.ts';
import { type Runtime, SYSTEM_RUNTIME } from './runtime.ts';
import { Subscriptions } from './subscriptions.ts';
import { Transport } from './transport.ts';

export interface MetavaultOptions {
  /** The service's address. */
  url: string;
  /**
   * A client's API key, or a function that returns a token of its issuer. The function is called for each attempt, so
   * it should cache.
   */
  apiKey: string | (() => string | Promise<string>);
  /** Per attempt (default 30,000). */
  timeoutMs?: number | undefined;
  /** Maximum number of attempts per request (default 5). */
  attempts?: number | undefined;
  /** The longest `Retry-After` to wait for (default 20,000); a longer one throws the error. */
  maxWaitMs?: number | undefined;
  /** Maximum number of cached leases (default 1,000). */
  cacheSize?: number | undefined;
  hooks?: Hooks | undefined;
  fetch?: typeof fetch | undefined;
}

/** The service's client: one for the whole process. */
export class Metavault {
  readonly connectSessions: ConnectSessions;
  readonly connections: Connections;
  readonly leases: Leases;
  readonly subscriptions: Subscriptions;
  readonly #api: Api;

  constructor(options: MetavaultOptions, runtime: Runtime = SYSTEM_RUNTIME) {
    const { apiKey } = options;
    const url = String(options.url).replace(/\/+$/, '');
    if (!URL.canParse(url)) throw new TypeError('url must be the absolute address of the service.');
    if (typeof apiKey !== 'function' && (typeof apiKey !== 'string' || apiKey === '')) {
      throw new TypeError('apiKey must be an API key, or a function that returns a token.');
    }
    const transport = new Transport({
      timeoutMs: options.timeoutMs ?? 30_000,
      attempts: options.attempts ?? 5,
      maxWaitMs: options.maxWaitMs ?? 20_000,
      hooks: options.hooks ?? {},
      fetch: options.fetch ?? fetch,
      runtime,
    });
    this.#api = new Api(transport, url, typeof apiKey === 'function' ? apiKey : () => apiKey);
    this.connectSessions = new ConnectSessions(this.#api);
    this.connections = new Connections(this.#api);
    this.leases = new Leases(this.#api, transport, { cacheSize: options.cacheSize ?? 1_000, runtime });
    this.subscriptions = new Subscriptions(this.#api);
  }

  /** Graph calls through the gateway, for one tenant, product, and asset. */
  graph(target: LeaseTarget): Graph {
    return this.leases.graph(target);
  }

  /** Calls any operation of the API document, such as `request('get', '/v1/audit', { query: { limit: 10 } })`. */
  request<M extends Method, P extends PathOf<M>>(
    method: M,
    path: P,
    ...rest: RequestRest<M, P>
  ): Promise<RequestResult<M, P>> {
    return this.#api.request(method, path, ...rest);
  }
}
