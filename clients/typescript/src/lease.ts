import type { Schemas } from './operation-types.ts';

/** What a lease is for: the body of `POST /v1/leases`, in gateway mode. */
export type LeaseTarget = Omit<Schemas['LeaseRequest'], 'mode'>;
export type IssuedLease = Schemas['IssuedLeaseResponse'];
/** `fetch` with a Graph path, such as `/me?fields=id`. */
export type GraphFetch = (path: string, init?: GraphInit) => Promise<Response>;

/** The options of `fetch`, and: */
export interface GraphInit extends Pick<RequestInit, 'method' | 'body' | 'headers' | 'signal'> {
  /** The gateway's upload hosts stand for Meta's. */
  host?: 'graph' | 'graph-video' | 'rupload' | undefined;
  /** Until the headers of the response; default: the client's. */
  timeoutMs?: number | undefined;
}

/** A lease. Printing it or converting it to JSON shows everything but its token. */
export class Lease {
  readonly id: string;
  readonly connectionId: string;
  readonly credentialId: string;
  readonly scopes: readonly string[];
  /** Scopes that the product needs and the token lacks. */
  readonly missingScopes: readonly string[];
  readonly expiresAt: string;
  /** When Meta's token ends; null: never, or Meta does not say. */
  readonly tokenExpiresAt: string | null;
  readonly graphBaseUrl: string;
  readonly #accessToken: string;
  readonly #graph: GraphFetch;

  constructor(issued: IssuedLease, graph: GraphFetch) {
    this.id = issued.lease_id;
    this.connectionId = issued.connection_id;
    this.credentialId = issued.credential_id;
    this.scopes = issued.scopes;
    this.missingScopes = issued.missing_scopes ?? [];
    this.expiresAt = issued.expires_at;
    this.tokenExpiresAt = issued.token_expires_at;
    this.graphBaseUrl = issued.graph_base_url;
    this.#accessToken = issued.access_token;
    this.#graph = graph;
  }

  /** Use it at once and do not store it: the next `leases.for` may return another one. */
  get accessToken(): string {
    return this.#accessToken;
  }

  /** Calls Graph through the gateway. Works beyond the end of this lease: each call uses the current one. */
  graph(path: string, init?: GraphInit): Promise<Response> {
    return this.#graph(path, init);
  }
}
