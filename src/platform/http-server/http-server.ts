import http, { type IncomingHttpHeaders } from 'node:http';
import proxyAddr from '@fastify/proxy-addr';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Ids } from '../ids.ts';
import type { Pino } from '../logger.ts';
import { invalidInputError } from '../problem.ts';
import { sendProblem } from './problem.filter.ts';
import { type CompletedRequest, createRawDispatcher, type RawHttpHandler } from './raw-http-handler.ts';
import { MAX_BODY_BYTES, registerBodyParsers } from './request-body.ts';
import { RouteTable } from './route-table.ts';

/** A request id from a client or a proxy is kept if it has this form. */
const REQUEST_ID_PATTERN = /^[A-Za-z0-9._-]{1,64}$/;
/** A long upload is fine; a silent peer runs into the limits on headers. */
const NO_TIMEOUT = 0;
const UNCACHED_PREFIX = '/v1';

export interface HttpServer {
  adapter: FastifyAdapter;
  routes: RouteTable;
  /** Requests that the handler takes never reach Fastify; `onCompleted` is called for each of their responses. */
  useRawHandler(rawHandler: RawHttpHandler, onCompleted: (completed: CompletedRequest) => void): void;
  /** From now on every response asks the peer to close the connection, so that a closing server gets rid of its connections. */
  beginDraining(): void;
}

/** Fastify as this service configures it: request ids, bodies, refusals of bad input and standard response headers. */
export function createHttpServer(logger: Pino, ids: Ids, trustedProxies: readonly string[] = []): HttpServer {
  const requestIdOf = ({ headers }: { headers: IncomingHttpHeaders }): string => {
    const given = headers['x-request-id'];
    return typeof given === 'string' && REQUEST_ID_PATTERN.test(given) ? given : ids.next('req');
  };
  const trust = trustedProxies.length === 0 ? false : proxyAddr.compile([...trustedProxies]);
  let draining = false;
  let dispatchRaw: ReturnType<typeof createRawDispatcher> | null = null;
  const adapter = new FastifyAdapter({
    logger: false,
    bodyLimit: MAX_BODY_BYTES,
    // `request.ip` is the peer's address; `X-Forwarded-For` counts only if the peer is one of these.
    trustProxy: trust,
    requestIdHeader: false,
    genReqId: requestIdOf,
    routerOptions: { maxParamLength: 512 },
    serverFactory: (handler: http.RequestListener, { keepAliveTimeout = 72_000 }: { keepAliveTimeout?: number }) =>
      http.createServer({ keepAliveTimeout, requestTimeout: NO_TIMEOUT }, (request, response) => {
        if (dispatchRaw?.(request, response) !== true) handler(request, response);
      }),
    // Requests under way may finish; `beginDraining` and a deadline handle the rest.
    return503OnClosing: false,
    // No Nest middleware here: hooks and guards do that work, so no request has to pass through an empty list.
    skipMiddie: true,
    // Errors before a route is found: a URL that does not decode.
    frameworkErrors: (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
      setStandardHeaders(request, reply);
      sendProblem(error, request, reply, logger);
    },
    clientErrorHandler: rejectMalformedRequest,
  });
  const fastify = adapter.getInstance() as unknown as FastifyInstance;
  const routes = new RouteTable();
  registerHooks(fastify, routes, () => draining);
  registerBodyParsers(fastify);
  return {
    adapter,
    routes,
    useRawHandler: (rawHandler, onCompleted) => {
      dispatchRaw = createRawDispatcher(rawHandler, { requestIdOf, trust, isDraining: () => draining, onCompleted });
    },
    beginDraining: () => {
      draining = true;
    },
  };
}

function registerHooks(fastify: FastifyInstance, routes: RouteTable, isDraining: () => boolean): void {
  fastify.addHook('onRoute', (route) => {
    routes.add(route.method, route.url);
    // Programs read these responses and no browser renders them: the two headers of `setStandardHeaders` do what helmet's twelve would.
    if (isApi(route.url)) Object.assign(route, { helmet: false });
  });
  fastify.addHook('onRequest', (request, reply, done) => {
    setStandardHeaders(request, reply);
    if (isDraining()) reply.header('connection', 'close');
    done(findInputError(request));
  });
}

function setStandardHeaders(request: FastifyRequest, reply: FastifyReply): void {
  reply.header('x-request-id', String(request.id));
  const path = request.routeOptions?.url ?? request.url;
  if (path.startsWith(UNCACHED_PREFIX)) reply.header('cache-control', 'no-store');
  if (isApi(path)) {
    reply.header('x-content-type-options', 'nosniff');
    reply.header('strict-transport-security', 'max-age=31536000; includeSubDomains');
  }
}

function isApi(path: string): boolean {
  return path.startsWith('/v1/');
}

/** Control characters in the ASCII range. */
const CONTROL = /[^\P{Cc}\u0080-\u009f]/u;

/** What no query parameter may have, whatever its meaning: a second value, a control character, a broken encoding. */
function findInputError(request: FastifyRequest): Error | undefined {
  const start = request.url.indexOf('?');
  if (start >= 0 && !isDecodable(request.url.slice(start + 1)))
    return invalidInputError('query', 'is not percent-encoded UTF-8');
  return findParameterError(request.params) ?? findParameterError(request.query);
}

function findParameterError(parameters: unknown): Error | undefined {
  for (const [name, value] of Object.entries((parameters ?? {}) as Record<string, unknown>)) {
    const shown = CONTROL.test(name) ? 'query' : name;
    if (Array.isArray(value)) return invalidInputError(shown, 'is given more than once');
    if (shown !== name || (typeof value === 'string' && CONTROL.test(value)))
      return invalidInputError(shown, 'has a control character');
  }
  return undefined;
}

function isDecodable(query: string): boolean {
  if (!query.includes('%')) return true;
  try {
    decodeURIComponent(query);
    return true;
  } catch {
    return false;
  }
}

/** Bytes that are not HTTP: there is no request, so the refusal is written to the bare socket. */
function rejectMalformedRequest(
  error: { code?: string },
  socket: { writable: boolean; end(data: string): void; destroy(): void },
): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const tooLong = error.code === 'HPE_HEADER_OVERFLOW';
  const status = tooLong ? '431 Request Header Fields Too Large' : '400 Bad Request';
  const body = JSON.stringify({
    type: '/problems/invalid_request',
    title: 'The request is not valid.',
    status: tooLong ? 431 : 400,
    detail: tooLong ? 'The headers are too long.' : 'This is not HTTP as RFC 9112 has it.',
    code: 'invalid_request',
    remedy: 'Send a well-formed request.',
  });
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/problem+json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
