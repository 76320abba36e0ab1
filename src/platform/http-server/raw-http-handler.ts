import type { IncomingMessage, ServerResponse } from 'node:http';
import proxyAddr from '@fastify/proxy-addr';
import type { RequestBodyLimits } from './monitored-body.ts';

/** What a raw handler gets besides the request. */
export interface RawRequestContext {
  /** The client's own id if it sent a valid one. */
  readonly requestId: string;
  /** The peer's address, or the one that a trusted proxy forwards. */
  readonly address: string;
  /**
   * The standard response headers, names and values alternating: the cheapest form for `writeHead`. The response's own headers are added to
   * it.
   */
  readonly headers: readonly string[];
  /** What holds for the request's body. */
  readonly bodyLimits: RequestBodyLimits;
}

/**
 * Handles requests ahead of all routes, on Node's own objects: bodies stay streams, nothing is parsed, and the cost of a framework is
 * spared. For calls that arrive by the thousands.
 */
export interface RawHttpHandler {
  /** The pattern under which a request with this target is counted; null if this handler does not take it. */
  routeOf(target: string): string | null;
  /** Never rejects. Resolves when the response has been sent, or the connection has been cut: with the authenticated client, if any. */
  handle(request: IncomingMessage, response: ServerResponse, source: RawRequestContext): Promise<string | undefined>;
  /** Responds with 408, in the handler's own form, while `handle` still waits for the body. */
  refuseSlowBody(request: IncomingMessage, response: ServerResponse, source: RawRequestContext): void;
}

/** A response that was sent. */
export interface CompletedRequest {
  method: string;
  /** The pattern of the route, never the URL: paths and queries hold ids, states and, where SDKs put it there, tokens. */
  route: string;
  status: number;
  /** From the first byte of the request to the last of the response. */
  durationMs: number;
  requestId: string;
  request: Pick<IncomingMessage, 'headers'>;
  clientId?: string | undefined;
}

/** How a server treats its requests, whichever handler takes them. */
export interface RawDispatchOptions {
  requestIdOf(request: IncomingMessage): string;
  /** Whose `X-Forwarded-For` is trusted; false: nobody's. */
  trust: false | ((address: string, hops: number) => boolean);
  /** Whether responses ask for the end of their connection. */
  isDraining(): boolean;
  limitsOf(request: IncomingMessage): RequestBodyLimits;
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
    source.bodyLimits.onTooSlow(() => handler.refuseSlowBody(request, response, source));
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
  readonly bodyLimits: RequestBodyLimits;

  constructor(
    private readonly request: IncomingMessage,
    private readonly options: RawDispatchOptions,
  ) {
    this.requestId = options.requestIdOf(request);
    const headers = ['x-request-id', this.requestId, ...STANDARD_HEADERS];
    if (options.isDraining()) headers.push('connection', 'close');
    this.headers = headers;
    this.bodyLimits = options.limitsOf(request);
  }

  /** Computed on demand, which is rare. */
  get address(): string {
    const { request, options } = this;
    return options.trust === false ? (request.socket.remoteAddress ?? '') : proxyAddr(request, options.trust);
  }
}
