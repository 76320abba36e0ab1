import type { IncomingMessage, ServerResponse } from 'node:http';
import proxyAddr from '@fastify/proxy-addr';
import { beginRequestSpan, type RequestSpan } from '../tracing.ts';
import type { RequestBodyLimits } from './monitored-body.ts';

/** What a raw handler receives along with the request. */
export interface RawRequestContext {
  /** The client's own id if it sent a valid one. */
  readonly requestId: string;
  /** The peer's address, or the one a trusted proxy forwards. */
  readonly address: string;
  /** Standard response headers, names and values alternating (cheapest for `writeHead`). Add the response's own. */
  readonly headers: readonly string[];
  /** Limits on the request's body. */
  readonly bodyLimits: RequestBodyLimits;
}

/**
 * Handles requests ahead of all routes, on Node's own objects: bodies stay streams and no framework runs. For
 * thousands of calls a second.
 */
export interface RawHttpHandler {
  /** Returns the route pattern to count this target under, or null to leave the request to Fastify. */
  routeOf(target: string): string | null;
  /** Never rejects. Resolves once the response is sent or the connection cut, to the authenticated caller, if any. */
  handle(
    request: IncomingMessage,
    response: ServerResponse,
    source: RawRequestContext,
  ): Promise<RawRequestCaller | undefined>;
  /** Responds with 408, in the handler's own format, while `handle` still waits for the body. */
  refuseSlowBody(request: IncomingMessage, response: ServerResponse, source: RawRequestContext): void;
}

/** Who called, and whose data the call was about. */
export interface RawRequestCaller {
  readonly clientId: string;
  readonly tenant: string;
}

export interface CompletedRequest {
  method: string;
  /** The route pattern, never the URL: paths and queries contain ids, states and, with some SDKs, tokens. */
  route: string;
  status: number;
  /** From the first byte of the request to the last of the response. */
  durationMs: number;
  requestId: string;
  request: Pick<IncomingMessage, 'headers'>;
  clientId?: string | undefined;
  tenant?: string | undefined;
  /** Null if tracing is off. */
  span: RequestSpan | null;
}

/** Server behavior that both kinds of handlers share. */
export interface RawDispatchOptions {
  requestIdOf(request: IncomingMessage): string;
  /** Which peers' `X-Forwarded-For` is trusted; false: none. */
  trust: false | ((address: string, hops: number) => boolean);
  /** Whether responses close their connection. */
  isDraining(): boolean;
  limitsOf(request: IncomingMessage): RequestBodyLimits;
  onCompleted(completed: CompletedRequest): void;
}

/** Returns a function that passes a request to the handler and returns whether the handler took it. */
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
    const span = beginRequestSpan(request.headers);
    const handle = () => handler.handle(request, response, source);
    void (span === null ? handle() : span.enter(handle)).then((caller) => {
      const { method = '' } = request;
      const { requestId } = source;
      const durationMs = performance.now() - startedMs;
      const status = response.statusCode;
      options.onCompleted({ method, route, status, durationMs, requestId, request, ...caller, span });
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

  /** Computed on demand: rarely needed. */
  get address(): string {
    const { request, options } = this;
    return options.trust === false ? (request.socket.remoteAddress ?? '') : proxyAddr(request, options.trust);
  }
}
