import http, { type IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import proxyAddr from '@fastify/proxy-addr';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Ids } from '../ids.ts';
import type { Pino } from '../logger.ts';
import { AppError, invalidInputError, invalidRequest, type ProblemType, requestTimeout } from '../problem.ts';
import { DEFAULT_HTTP_SERVER_LIMITS, type HttpServerLimits } from './http-server-limits.ts';
import { sendProblem } from './problem.filter.ts';
import { type CompletedRequest, createRawDispatcher, type RawHttpHandler } from './raw-http-handler.ts';
import { MAX_BODY_BYTES, registerBodyParsers } from './request-body.ts';
import { RequestBodyMonitor } from './request-body-monitor.ts';
import { RouteTable } from './route-table.ts';

/** A request id from a client or a proxy is kept if it has this form. */
const REQUEST_ID_PATTERN = /^[A-Za-z0-9._-]{1,64}$/;
/** A long upload is fine while it moves: `RequestBodyMonitor` sees to that. */
const NO_TIMEOUT = 0;
const UNCACHED_PREFIX = '/v1';

export interface HttpServer {
  adapter: FastifyAdapter;
  routes: RouteTable;
  /** Requests that the handler takes never reach Fastify; `onCompleted` is called for each of their responses. */
  useRawHandler(rawHandler: RawHttpHandler, onCompleted: (completed: CompletedRequest) => void): void;
  /** Checks who sends a larger body to a route of the API before the body is read. `authenticate` throws where nobody is known. */
  useBodyAuthentication(authenticate: (request: FastifyRequest) => Promise<unknown>): void;
  /** From now on every response asks the peer to close the connection, so that a closing server gets rid of its connections. */
  beginDraining(): void;
}

/** Fastify as this service configures it: request ids, bodies, refusals of bad input and standard response headers. */
export function createHttpServer(
  logger: Pino,
  ids: Ids,
  trustedProxies: readonly string[] = [],
  limits: Partial<HttpServerLimits> = {},
): HttpServer {
  const serverLimits = { ...DEFAULT_HTTP_SERVER_LIMITS, ...limits };
  const bodies = new RequestBodyMonitor(serverLimits);
  const requestIdOf = ({ headers }: { headers: IncomingHttpHeaders }): string => {
    const given = headers['x-request-id'];
    return typeof given === 'string' && REQUEST_ID_PATTERN.test(given) ? given : ids.next('req');
  };
  const trust = trustedProxies.length === 0 ? false : proxyAddr.compile([...trustedProxies]);
  let draining = false;
  let dispatchRaw: ReturnType<typeof createRawDispatcher> | null = null;
  let authenticate: ((request: FastifyRequest) => Promise<unknown>) | null = null;
  const adapter = new FastifyAdapter({
    logger: false,
    bodyLimit: MAX_BODY_BYTES,
    // `request.ip` is the peer's address; `X-Forwarded-For` counts only if the peer is one of these.
    trustProxy: trust,
    requestIdHeader: false,
    genReqId: requestIdOf,
    routerOptions: { maxParamLength: 512 },
    serverFactory: (handler: http.RequestListener, { keepAliveTimeout = 72_000 }: { keepAliveTimeout?: number }) => {
      const server = http.createServer({ keepAliveTimeout, ...timeoutsOf(serverLimits) }, (request, response) => {
        bodies.begin(request, response);
        if (dispatchRaw?.(request, response) !== true) handler(request, response);
      });
      bodies.watch(server);
      return server;
    },
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
  fastify.addHook('onRequest', (request, reply, done) => {
    bodies.limitsOf(request.raw).onTooSlow(() => {
      reply.header('connection', 'close');
      sendProblem(new AppError(requestTimeout), request, reply, logger);
    });
    done();
  });
  registerBodyParsers(fastify, {
    limitsOf: ({ raw }) => bodies.limitsOf(raw),
    authenticate: () => authenticate,
    requiresAuthentication: ({ routeOptions }) => isApi(routeOptions.url ?? ''),
  });
  return {
    adapter,
    routes,
    useRawHandler: (rawHandler, onCompleted) => {
      const limitsOf = bodies.limitsOf.bind(bodies);
      const isDraining = (): boolean => draining;
      dispatchRaw = createRawDispatcher(rawHandler, { requestIdOf, trust, isDraining, limitsOf, onCompleted });
    },
    useBodyAuthentication: (check) => {
      authenticate = check;
    },
    beginDraining: () => {
      draining = true;
    },
  };
}

/** An explicit `headersTimeout`: the default follows `requestTimeout`, which is off. */
function timeoutsOf({ headersTimeoutMs, checkIntervalMs }: HttpServerLimits): http.ServerOptions {
  return {
    requestTimeout: NO_TIMEOUT,
    headersTimeout: headersTimeoutMs,
    connectionsCheckingInterval: checkIntervalMs,
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

/** How long a peer may take to read its refusal before the connection is cut. */
const LINGER_MS = 1_000;

/** Bytes that are not HTTP, or headers that never end: there is no request, so the refusal is written to the bare socket. */
function rejectMalformedRequest(error: { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const refusal = toSocketRefusal(error.code);
  const body = JSON.stringify({
    type: `/problems/${refusal.code}`,
    title: refusal.title,
    status: refusal.status,
    detail: refusal.detail,
    code: refusal.code,
    remedy: refusal.remedy,
  });
  // The peer may keep its side open, and send on.
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.end(
    `HTTP/1.1 ${refusal.status} ${refusal.reason}\r\ncontent-type: application/problem+json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

/** The problem for an error code of Node's HTTP parser. */
function toSocketRefusal(errorCode: string | undefined): ProblemType & { reason: string; detail: string } {
  if (errorCode === 'ERR_HTTP_REQUEST_TIMEOUT')
    return { ...requestTimeout, reason: 'Request Timeout', detail: 'The headers did not come in time.' };
  const malformed = { ...invalidRequest, remedy: 'Send a well-formed request.' };
  if (errorCode !== 'HPE_HEADER_OVERFLOW')
    return { ...malformed, reason: 'Bad Request', detail: 'This is not HTTP as RFC 9112 has it.' };
  return { ...malformed, status: 431, reason: 'Request Header Fields Too Large', detail: 'The headers are too long.' };
}
