import { MetavaultError, readProblem } from './errors.ts';
import type { CallOptions, Method, PathOf, RequestRest, RequestResult } from './operation-types.ts';
import { toQuery } from './query.ts';
import type { Transport } from './transport.ts';

/** POSTs that take an `Idempotency-Key`. */
const WITH_IDEMPOTENCY_KEY = new Set<PathOf<'post'>>([
  '/v1/clients',
  '/v1/clients/{id}/keys',
  '/v1/connect-sessions',
  '/v1/connections/import',
  '/v1/subscriptions',
]);
/** POSTs that are safe to repeat: a surplus lease just expires. */
const HARMLESS = new Set<PathOf<'post'>>(['/v1/leases', '/v1/leases/batch', '/v1/leases/introspect']);

/** The parts of any operation; the types decide which ones each operation takes. */
interface RequestParts extends CallOptions {
  path?: Readonly<Record<string, unknown>>;
  query?: Readonly<Record<string, unknown>>;
  body?: unknown;
}

/** Calls the service's API. */
export class Api {
  readonly #transport: Transport;
  readonly #url: string;
  readonly #token: () => string | Promise<string>;

  constructor(transport: Transport, url: string, token: () => string | Promise<string>) {
    this.#transport = transport;
    this.#url = url;
    this.#token = token;
  }

  /** Calls any operation of the API document. Throws `MetavaultError`. */
  async request<M extends Method, P extends PathOf<M>>(
    method: M,
    path: P,
    ...[input]: RequestRest<M, P>
  ): Promise<RequestResult<M, P>> {
    const { path: names = {}, query = {}, body, idempotencyKey, signal, timeoutMs } = (input ?? {}) as RequestParts;
    const takesKey = method === 'post' && WITH_IDEMPOTENCY_KEY.has(path as PathOf<'post'>);
    const response = await this.#transport.send({
      method: method.toUpperCase(),
      url: withQuery(new URL(this.#url + fillPath(path, names)), query),
      headers: new Headers({
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(takesKey ? { 'idempotency-key': idempotencyKey ?? crypto.randomUUID() } : {}),
      }),
      body: body === undefined ? undefined : JSON.stringify(body),
      token: this.#token,
      repeatable: method === 'get' || method === 'delete' || takesKey || HARMLESS.has(path as PathOf<'post'>),
      buffered: true,
      signal,
      timeoutMs,
    });
    if (!response.ok) throw await readProblem(response);
    return (await readResult(response)) as RequestResult<M, P>;
  }
}

/** Follows `next_cursor` through all pages of a list. */
export async function* readPages<T>(
  read: (cursor: string | undefined) => Promise<{ data: T[]; next_cursor: string | null }>,
): AsyncGenerator<T, void, undefined> {
  let cursor: string | undefined;
  do {
    const page = await read(cursor);
    yield* page.data;
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
}

function fillPath(path: string, names: Readonly<Record<string, unknown>>): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = names[name];
    // "." and ".." survive encoding, and would change the path.
    if (typeof value !== 'string' || /^\.{0,2}$/.test(value)) throw new TypeError(`${path} needs a ${name}.`);
    return encodeURIComponent(value);
  });
}

function withQuery(url: URL, query: Readonly<Record<string, unknown>>): URL {
  url.search = toQuery(query).toString();
  return url;
}

async function readResult(response: Response): Promise<unknown> {
  if (response.status === 204) return undefined;
  try {
    return await response.json();
  } catch {
    const detail = `The answer (status ${response.status}) is no JSON.`;
    const requestId = response.headers.get('x-request-id') ?? undefined;
    throw new MetavaultError({ code: 'unexpected_answer', detail, status: response.status, requestId });
  }
}
