import type { Schemas } from './operation-types.ts';

/** What a lease is for: the body of `POST /v1/leases`, in gateway mode. */
export type LeaseTarget = Omit<Schemas['LeaseRequest'], 'mode'>;
export type IssuedLease = Schemas['IssuedLeaseResponse'];
/** `fetch` with a path of Graph's, such as `/me?fields=id`. */
export type GraphFetch = (path: string, init?: GraphInit) => Promise<Response>;

/** As for `fetch`, and: */
export interface GraphInit extends Pick<RequestInit, 'method' | 'body' | 'headers' | 'signal'> {
  /** The gateway's upload hosts stand for Meta's. */
  host?: 'graph' | 'graph-video' | 'rupload' | undefined;
  /** Until the headers of the answer; the client's by default. */
  timeoutMs?: number | undefined;
}

/** A lease. Printed or as JSON it shows everything but its token. */
export class Lease {
  readonly id: string;
  readonly connectionId: string;
  readonly credentialId: string;
  readonly scopes: readonly string[];
  /** Scopes that the product needs and the token lacks. */
  readonly missingScopes: readonly string[];
  readonly expiresAt: string;
  /** When Meta's token ends; null: it does not, or Meta does not say. */
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

  /** Use it at once and keep it nowhere: the next `leases.for` may give another one. */
  get accessToken(): string {
    return this.#accessToken;
  }

  /** Calls Graph through the gateway. Works beyond the end of this lease: each call takes the current one. */
  graph(path: string, init?: GraphInit): Promise<Response> {
    return this.#graph(path, init);
  }
}
