import type { IncomingMessage, ServerResponse } from 'node:http';
import proxyAddr from '@fastify/proxy-addr';

/** What a raw handler gets besides the request. */
export interface RawRequestContext {
  /** The caller's own where it gave a good one. */
  readonly requestId: string;
  /** The peer's address, or what a trusted proxy says of it. */
  readonly address: string;
  /** What every answer has, names and values in turn: the cheapest form for `writeHead`, which the answer's own go into as well. */
  readonly headers: readonly string[];
}

/**
 * Answers requests ahead of all routes, on Node's own objects: bodies stay streams, nothing is parsed, and what a framework costs is
 * spared. For calls that come by the thousand.
 */
export interface RawHttpHandler {
  /** The pattern under which a request with this target is counted; null where this handler does not take it. */
  routeOf(target: string): string | null;
  /** Never rejects. Resolves when the answer has been given, or the connection has been cut: with the client that asked, where one did. */
  handle(request: IncomingMessage, response: ServerResponse, source: RawRequestContext): Promise<string | undefined>;
}

/** An answer that was given. */
export interface CompletedRequest {
  method: string;
  /** The pattern of the route, never the URL: paths and queries hold ids, states and, where SDKs put it there, tokens. */
  route: string;
  status: number;
  /** From the first byte of the request to the last of the answer. */
  durationMs: number;
  requestId: string;
  request: Pick<IncomingMessage, 'headers'>;
  clientId?: string | undefined;
}

/** How the requests of a server are looked at, whoever answers them. */
export interface RawDispatchOptions {
  requestIdOf(request: IncomingMessage): string;
  /** Whose `X-Forwarded-For` is believed; false: nobody's. */
  trust: false | ((address: string, hops: number) => boolean);
  /** Whether answers ask for the end of their connection. */
  isDraining(): boolean;
  onCompleted(completed: CompletedRequest): void;
}

/** Passes requests to the handler; returns whether it took this one. */
export function createRawDispatcher(
  handler: RawHttpHandler,
  options: RawDispatchOptions,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  return (request, response) => {
    const route = handler.routeOf(request.url ?? '');
    if (route === null) return false;
    const startedMs = performance.now();
    const source = new LazyRequestContext(request, options);
    void handler.handle(request, response, source).then((clientId) => {
      const { method = '' } = request;
      const { requestId } = source;
      const durationMs = performance.now() - startedMs;
      options.onCompleted({ method, route, status: response.statusCode, durationMs, requestId, request, clientId });
    });
    return true;
  };
}

const STANDARD_HEADERS = ['cache-control', 'no-store', 'x-content-type-options', 'nosniff'];

class LazyRequestContext implements RawRequestContext {
  readonly requestId: string;
  readonly headers: readonly string[];

  constructor(
    private readonly request: IncomingMessage,
    private readonly options: RawDispatchOptions,
  ) {
    this.requestId = options.requestIdOf(request);
    const headers = ['x-request-id', this.requestId, ...STANDARD_HEADERS];
    if (options.isDraining()) headers.push('connection', 'close');
    this.headers = headers;
  }

  /** Found out where somebody asks for it only, which is rare. */
  get address(): string {
    const { request, options } = this;
    return options.trust === false ? (request.socket.remoteAddress ?? '') : proxyAddr(request, options.trust);
  }
}
