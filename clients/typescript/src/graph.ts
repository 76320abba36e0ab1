import { gatewayCode, readGraphError, readObject } from './errors.ts';
import type { GraphInit, Lease } from './lease.ts';
import { callWithLease, type LeaseSource } from './lease-source.ts';
import { toQuery } from './query.ts';
import { isStream, type Transport } from './transport.ts';

/** Parameters of a Graph call: strings are sent as they are, everything else as JSON. */
export type GraphParameters = Readonly<Record<string, unknown>>;

interface GraphList {
  data?: unknown[];
  paging?: { next?: string };
}

/** Calls Graph through the gateway for one target. Finds, keeps, and renews the lease. */
export class Graph {
  readonly #transport: Transport;
  readonly #leases: LeaseSource;

  constructor(transport: Transport, leases: LeaseSource) {
    this.#transport = transport;
    this.#leases = leases;
  }

  /**
   * Like `fetch`, with the lease: resolves whatever the status is. A lease that the gateway refuses is replaced once.
   * Only GET requests, and those that the gateway refused before it called Meta, are repeated. `path` may be a paging
   * link.
   */
  fetch(path: string, init: GraphInit = {}): Promise<Response> {
    return this.#call(path, init, false);
  }

  /** Reads an object or a list. Throws `GraphError`. */
  get<T = unknown>(path: string, parameters: GraphParameters = {}, init: GraphInit = {}): Promise<T> {
    return this.#json(addParameters(path, parameters), { ...init, method: 'GET' });
  }

  /** Sends `body` as JSON. Throws `GraphError`. */
  post<T = unknown>(path: string, body: GraphParameters = {}, init: GraphInit = {}): Promise<T> {
    const headers = new Headers(init.headers);
    headers.set('content-type', 'application/json');
    return this.#json(path, { ...init, headers, method: 'POST', body: JSON.stringify(body) });
  }

  /** Deletes an object. Throws `GraphError`. */
  delete<T = unknown>(path: string, parameters: GraphParameters = {}, init: GraphInit = {}): Promise<T> {
    return this.#json(addParameters(path, parameters), { ...init, method: 'DELETE' });
  }

  /** All items of a list, page by page. Throws `GraphError`. */
  async *items<T = unknown>(
    path: string,
    parameters: GraphParameters = {},
    init: GraphInit = {},
  ): AsyncGenerator<T, void, undefined> {
    let next: string | undefined = addParameters(path, parameters);
    while (next !== undefined) {
      const page: GraphList = await this.#json<GraphList>(next, { ...init, method: 'GET' });
      yield* (page.data ?? []) as T[];
      next = page.paging?.next;
    }
  }

  async #json<T>(path: string, init: GraphInit): Promise<T> {
    const response = await this.#call(path, init, true);
    if (!response.ok) throw await readGraphError(response);
    return (await response.json()) as T;
  }

  #call(path: string, init: GraphInit, buffered: boolean): Promise<Response> {
    const signal = init.signal ?? undefined;
    // A stream is used up by the first call.
    const isRefused = isStream(init.body) ? () => false : isLeaseRefused;
    return callWithLease(this.#leases, (lease) => this.#send(lease, path, init, buffered), isRefused, signal);
  }

  #send(lease: Lease, path: string, init: GraphInit, buffered: boolean): Promise<Response> {
    const method = (init.method ?? 'GET').toUpperCase();
    const url = gatewayUrl(lease.graphBaseUrl, init.host ?? 'graph', path);
    return this.#transport.send({
      method,
      url,
      headers: new Headers(init.headers),
      body: init.body,
      token: () => lease.accessToken,
      // Graph's `method` parameter can turn a GET into any method: docs/meta-facts.md#method-override
      repeatable: (method === 'GET' || method === 'HEAD') && !url.searchParams.has('method'),
      buffered,
      signal: init.signal ?? undefined,
      timeoutMs: init.timeoutMs,
    });
  }
}

/** Whether the gateway refused the lease, which means that Meta was not called. */
async function isLeaseRefused(response: Response): Promise<boolean> {
  return response.status === 401 && gatewayCode(await readObject(response.clone())) === 'lease_invalid';
}

/**
 * Converts a path or paging link to its gateway URL. Throws for other addresses: a lease must not be sent elsewhere.
 */
export function gatewayUrl(graphBaseUrl: string, host: string, path: string): URL {
  const base = graphBaseUrl.replace(/\/graph$/, `/${host}`);
  const url = new URL(/^https?:/i.test(path) ? path : `${base}/${path.replace(/^\/+/, '')}`);
  if (!url.href.startsWith(`${base}/`))
    throw new TypeError(`A call with a lease goes to ${base}, not to ${url.origin}.`);
  url.searchParams.delete('access_token');
  return url;
}

/** Writes strings as they are, and everything else as JSON, as Graph expects. */
function addParameters(path: string, parameters: GraphParameters): string {
  const query = toQuery(parameters, (value) => (typeof value === 'string' ? value : JSON.stringify(value)));
  return query.size === 0 ? path : `${path}${path.includes('?') ? '&' : '?'}${query}`;
}
