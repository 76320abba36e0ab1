import { type Api, readPages } from './api.ts';
import type { CallOptions, QueryOf, RequestResult, Schemas } from './operation-types.ts';

type ListQuery = QueryOf<'get', '/v1/connections'>;
type CredentialQuery = QueryOf<'get', '/v1/connections/{id}/credentials'>;
type AssetQuery = QueryOf<'get', '/v1/connections/{id}/assets'>;
type Connection = Schemas['ConnectionResponse'];
/** A connection as shown in lists: with only its first credentials and assets. */
export type ListedConnection = RequestResult<'get', '/v1/connections'>['data'][number];

/** Customers' connections. */
export class Connections {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** One page. */
  list(query: ListQuery = {}, options: CallOptions = {}): Promise<RequestResult<'get', '/v1/connections'>> {
    return this.#api.request('get', '/v1/connections', { query, ...options });
  }

  /** All connections, page by page. */
  all(query: Omit<ListQuery, 'cursor'> = {}, options: CallOptions = {}): AsyncGenerator<ListedConnection> {
    return readPages((cursor) => this.list({ ...query, ...(cursor === undefined ? {} : { cursor }) }, options));
  }

  get(id: string, options: CallOptions = {}): Promise<Connection> {
    return this.#api.request('get', '/v1/connections/{id}', { path: { id }, ...options });
  }

  /** All credentials of one connection, page by page. */
  credentials(
    id: string,
    query: Omit<CredentialQuery, 'cursor'> = {},
    options: CallOptions = {},
  ): AsyncGenerator<Schemas['CredentialResponse']> {
    return readPages((cursor) =>
      this.#api.request('get', '/v1/connections/{id}/credentials', {
        path: { id },
        query: { ...query, ...(cursor === undefined ? {} : { cursor }) },
        ...options,
      }),
    );
  }

  /** All assets of one connection, page by page. */
  assets(
    id: string,
    query: Omit<AssetQuery, 'cursor'> = {},
    options: CallOptions = {},
  ): AsyncGenerator<Schemas['AssetResponse']> {
    return readPages((cursor) =>
      this.#api.request('get', '/v1/connections/{id}/assets', {
        path: { id },
        query: { ...query, ...(cursor === undefined ? {} : { cursor }) },
        ...options,
      }),
    );
  }

  /** Imports an existing token, such as a system user's. */
  import(body: Schemas['ImportRequest'], options: CallOptions = {}): Promise<Connection> {
    return this.#api.request('post', '/v1/connections/import', { body, ...options });
  }

  /** Changes its `reference` and `metadata` (RFC 7396): what is absent stays, null removes. */
  update(id: string, body: Schemas['DescribeConnectionRequest'], options: CallOptions = {}): Promise<Connection> {
    return this.#api.request('patch', '/v1/connections/{id}', { path: { id }, body, ...options });
  }

  /** Refreshes its tokens now; failures are in each credential's `failure`. */
  refresh(id: string, options: CallOptions = {}): Promise<Connection> {
    return this.#api.request('post', '/v1/connections/{id}/refresh', { path: { id }, ...options });
  }

  /** Inspects its tokens now. */
  check(id: string, options: CallOptions = {}): Promise<Connection> {
    return this.#api.request('post', '/v1/connections/{id}/check', { path: { id }, ...options });
  }

  /** Ends a connection: once this resolves, none of its leases works. */
  revoke(id: string, options: CallOptions = {}): Promise<Schemas['RevokedConnectionResponse']> {
    return this.#api.request('delete', '/v1/connections/{id}', { path: { id }, ...options });
  }
}
