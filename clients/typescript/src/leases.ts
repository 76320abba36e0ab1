import { type Api, readPages } from './api.ts';
import { type BusinessSdkApiClass, createBusinessSdkApi } from './business-sdk.ts';
import { Graph } from './graph.ts';
import { type IssuedLease, Lease, type LeaseTarget } from './lease.ts';
import { type Issued, LeaseCache } from './lease-cache.ts';
import type { LeaseSource } from './lease-source.ts';
import type { CallOptions, QueryOf, RequestResult, Schemas } from './operation-types.ts';
import { abortable, type Runtime } from './runtime.ts';
import type { Transport } from './transport.ts';

/** Leases, either cached and renewed (`for`) or directly from the API. */
export class Leases {
  readonly #api: Api;
  readonly #transport: Transport;
  readonly #cache: LeaseCache<Lease>;
  readonly #runtime: Runtime;
  readonly #ends = new WeakMap<Lease, number>();

  constructor(api: Api, transport: Transport, options: { cacheSize: number; runtime: Runtime }) {
    this.#api = api;
    this.#transport = transport;
    this.#runtime = options.runtime;
    this.#cache = new LeaseCache(options.cacheSize, options.runtime);
  }

  /**
   * Returns a lease that works now, from the cache if possible. The signal ends only this wait, not a shared request.
   */
  for(target: LeaseTarget, options: { signal?: AbortSignal | undefined } = {}): Promise<Lease> {
    return abortable(
      this.#cache.get(cacheKey(target), () => this.#issueFor(target)),
      options.signal,
    );
  }

  /** Graph calls for one target. */
  graph(target: LeaseTarget): Graph {
    return new Graph(this.#transport, this.#sourceOf(target));
  }

  /** A `FacebookAdsApi` of `facebook-nodejs-business-sdk` that calls the gateway with the current lease. */
  businessSdk<A extends object>(FacebookAdsApi: BusinessSdkApiClass<A>, target: LeaseTarget): A {
    return createBusinessSdkApi(FacebookAdsApi, this.#sourceOf(target));
  }

  /** Forgets a lease, so that the next call requests another. */
  drop(lease: Lease): void {
    this.#cache.drop(lease);
  }

  /** Requests a lease, bypassing the cache; the only way to get mode `token`. */
  issue(body: Schemas['LeaseRequest'], options: CallOptions = {}): Promise<IssuedLease> {
    return this.#api.request('post', '/v1/leases', { body, ...options });
  }

  /** Requests up to 100 leases; each result is a lease or a problem, in the order of the requests. */
  issueMany(requests: Schemas['LeaseRequest'][], options: CallOptions = {}): Promise<Schemas['LeaseBatchResponse']> {
    return this.#api.request('post', '/v1/leases/batch', { body: { requests }, ...options });
  }

  /** All leases, newest first; a service sees its own. */
  all(
    query: Omit<QueryOf<'get', '/v1/leases'>, 'cursor'> = {},
    options: CallOptions = {},
  ): AsyncGenerator<Schemas['LeaseResponse']> {
    return readPages((cursor) =>
      this.#api.request('get', '/v1/leases', {
        query: { ...query, ...(cursor === undefined ? {} : { cursor }) },
        ...options,
      }),
    );
  }

  get(id: string, options: CallOptions = {}): Promise<Schemas['LeaseResponse']> {
    return this.#api.request('get', '/v1/leases/{id}', { path: { id }, ...options });
  }

  /** Ends a lease at the service. */
  async end(lease: Lease | string, options: CallOptions = {}): Promise<void> {
    if (typeof lease !== 'string') this.drop(lease);
    const id = typeof lease === 'string' ? lease : lease.id;
    await this.#api.request('delete', '/v1/leases/{id}', { path: { id }, ...options });
  }

  /** Returns whether a lease's token works, and for what (RFC 7662). */
  introspect(token: string, options: CallOptions = {}): Promise<RequestResult<'post', '/v1/leases/introspect'>> {
    return this.#api.request('post', '/v1/leases/introspect', { body: { token }, ...options });
  }

  async #issueFor(target: LeaseTarget): Promise<Issued<Lease>> {
    const askedAt = this.#runtime.now();
    const issued = await this.issue({ ...target, mode: 'gateway' });
    const graph = this.graph(target);
    const lease = new Lease(issued, (path, init) => graph.fetch(path, init));
    const lifetimeMs = issued.expires_in * 1000;
    this.#ends.set(lease, askedAt + lifetimeMs);
    return { lease, lifetimeMs };
  }

  #sourceOf(target: LeaseTarget): LeaseSource {
    return {
      current: (signal) => this.for(target, { signal }),
      drop: (lease) => this.drop(lease),
      isOver: (lease) => this.#runtime.now() >= (this.#ends.get(lease) ?? 0),
    };
  }
}

function cacheKey(target: LeaseTarget): string {
  const given = Object.entries(target).filter(([, value]) => value !== undefined);
  return JSON.stringify(given.sort(([a], [b]) => (a < b ? -1 : 1)));
}
