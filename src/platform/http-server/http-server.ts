import http, { type IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import proxyAddr from '@fastify/proxy-addr';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Ids } from '../ids.ts';
import type { Pino } from '../logger.ts';
import { AppError, invalidInputError, invalidRequest, notFound, type ProblemType, requestTimeout } from '../problem.ts';
import { DEFAULT_HTTP_SERVER_LIMITS, type HttpServerLimits } from './http-server-limits.ts';
import { OperationsListener } from './operations-listener.ts';
import { refuseMethod, sendProblem } from './problem.filter.ts';
import { type CompletedRequest, createRawDispatcher, type RawHttpHandler } from './raw-http-handler.ts';
import { MAX_BODY_BYTES, registerBodyParsers } from './request-body.ts';
import { RequestBodyMonitor } from './request-body-monitor.ts';
import { RouteTable } from './route-table.ts';

/** A caller's request id is kept if it matches this. */
const REQUEST_ID_PATTERN = /^[A-Za-z0-9._-]{1,64}$/;
/** Long uploads are fine as long as they progress, which `RequestBodyMonitor` checks. */
const NO_TIMEOUT = 0;
const KEEP_ALIVE_MS = 72_000;
/** Routes have no Fastify schemas. Without these, Fastify loads Ajv and fast-json-stringify at each start. */
const NO_SCHEMAS = { compilersFactory: { buildValidator: refuseSchema, buildSerializer: refuseSchema } };
const UNCACHED_PREFIX = '/v1';

export interface HttpServer {
  adapter: FastifyAdapter;
  routes: RouteTable;
  /** Does not listen until asked to. */
  operations: OperationsListener;
  /** Requests that the handler takes bypass Fastify. Calls `onCompleted` for each of their responses. */
  useRawHandler(rawHandler: RawHttpHandler, onCompleted: (completed: CompletedRequest) => void): void;
  /** Authenticates callers of API routes before a larger body is read. `authenticate` throws for unknown callers. */
  useBodyAuthentication(authenticate: (request: FastifyRequest) => Promise<unknown>): void;
  /** Makes every response close its connection from now on, so that shutdown is not held up. */
  beginDraining(): void;
}

/** Creates Fastify with this service's request ids, body parsers, input checks and response headers. */
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
  let handleRequest: http.RequestListener = () => undefined;
  const createServer = (keepAliveTimeout: number, handle: http.RequestListener): http.Server => {
    const server = http.createServer({ keepAliveTimeout, ...timeoutsOf(serverLimits) }, (request, response) => {
      bodies.begin(request, response);
      handle(request, response);
    });
    bodies.watch(server);
    return server;
  };
  const operations = new OperationsListener(() =>
    createServer(KEEP_ALIVE_MS, (request, response) => handleRequest(request, response)).on(
      'clientError',
      rejectMalformedRequest,
    ),
  );
  const adapter = new FastifyAdapter({
    logger: false,
    bodyLimit: MAX_BODY_BYTES,
    // `request.ip` is the peer's address. `X-Forwarded-For` counts only if the peer is a trusted proxy.
    trustProxy: trust,
    schemaController: NO_SCHEMAS,
    requestIdHeader: false,
    genReqId: requestIdOf,
    routerOptions: { maxParamLength: 512, ignoreTrailingSlash: true },
    serverFactory: (
      handler: http.RequestListener,
      { keepAliveTimeout = KEEP_ALIVE_MS }: { keepAliveTimeout?: number },
    ) => {
      handleRequest = handler;
      return createServer(keepAliveTimeout, (request, response) => {
        if (dispatchRaw?.(request, response) !== true) handler(request, response);
      });
    },
    // Let requests in flight finish; `beginDraining` and a deadline end the rest.
    return503OnClosing: false,
    // Nest middleware is not used: hooks and guards do that work, so requests skip an empty list.
    skipMiddie: true,
    // Errors before routing, such as a URL that does not decode.
    frameworkErrors: (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
      setStandardHeaders(request, reply);
      sendProblem(error, request, reply, logger);
    },
    clientErrorHandler: rejectMalformedRequest,
  });
  const fastify = adapter.getInstance() as unknown as FastifyInstance;
  const routes = new RouteTable();
  registerHooks(fastify, routes, operations, () => draining);
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
    operations,
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

function refuseSchema(): never {
  throw new Error('routes have no Fastify schemas: check input with a DTO');
}

/** Sets `headersTimeout` because its default follows `requestTimeout`, which is off. */
function timeoutsOf({ headersTimeoutMs, checkIntervalMs }: HttpServerLimits): http.ServerOptions {
  return {
    requestTimeout: NO_TIMEOUT,
    headersTimeout: headersTimeoutMs,
    connectionsCheckingInterval: checkIntervalMs,
  };
}

function registerHooks(
  fastify: FastifyInstance,
  routes: RouteTable,
  operations: OperationsListener,
  isDraining: () => boolean,
): void {
  fastify.addHook('onRoute', (route) => {
    routes.add(route.method, route.url);
    // Programs read these responses, not browsers: the two headers of `setStandardHeaders` replace helmet's twelve.
    if (isApi(route.url)) Object.assign(route, { helmet: false });
  });
  fastify.addHook('onRequest', (request, reply, done) => {
    setStandardHeaders(request, reply);
    if (isDraining()) reply.header('connection', 'close');
    // The router would treat `//` as `/` with a trailing slash.
    const isHidden = request.url.startsWith('//') || !operations.admits(request.raw, request.routeOptions.url);
    if (routes.refuses(request.method, request.url)) return done(refuseMethod(reply, routes.methodsOf(request.url)));
    const error = isHidden ? new AppError(notFound) : findInputError(request);
    if (error === undefined && request.method === 'OPTIONS' && respondWithMethods(request, reply, routes)) return;
    done(error);
  });
}

/** Answers OPTIONS (RFC 9110, 9.3.7) ahead of the guard: which methods exist is public. False for unknown paths. */
function respondWithMethods(request: FastifyRequest, reply: FastifyReply, routes: RouteTable): boolean {
  const methods = routes.methodsOf(request.url);
  if (methods.length === 0) return false;
  reply.code(204).header('allow', methods.join(', ')).send();
  return true;
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

const CONTROL = /[^\P{Cc}\u0080-\u009f]/u;

/** Rejects repeated parameters, control characters, and broken percent-encoding. */
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

/** Time for a peer to read its error response before the connection is cut. */
const LINGER_MS = 1_000;

/** Handles input that is not HTTP, or headers that never end. There is no request, so it writes to the bare socket. */
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
  // The peer may keep its side open and continue to send.
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.end(
    `HTTP/1.1 ${refusal.status} ${refusal.reason}\r\n` +
      'content-type: application/problem+json; charset=utf-8\r\n' +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

/** Maps an error code of Node's HTTP parser to a problem. */
function toSocketRefusal(errorCode: string | undefined): ProblemType & { reason: string; detail: string } {
  if (errorCode === 'ERR_HTTP_REQUEST_TIMEOUT')
    return { ...requestTimeout, reason: 'Request Timeout', detail: 'The headers did not arrive in time.' };
  const malformed = { ...invalidRequest, remedy: 'Send a well-formed request.' };
  if (errorCode !== 'HPE_HEADER_OVERFLOW')
    return { ...malformed, reason: 'Bad Request', detail: 'This is not valid HTTP (RFC 9112).' };
  return { ...malformed, status: 431, reason: 'Request Header Fields Too Large', detail: 'The headers are too long.' };
}
