import type { FastifyReply, FastifyRequest } from 'fastify';
import { Counter, Histogram, type Registry } from 'prom-client';
import type { AuthenticatedRequest } from '../../auth/decorators.ts';
import { BatchedCounters, BatchedObservations } from '../../platform/batched-counters.ts';
import type { CompletedRequest } from '../../platform/http-server/raw-http-handler.ts';
import { readTraceContext } from '../../platform/http-server/trace-context.ts';
import type { Pino } from '../../platform/logger.ts';
import { beginRequestSpan, type RequestSpan } from '../../platform/tracing.ts';
import type { LoggedTenants } from '../../vault/logged-tenants.ts';
import { RequestTenants } from './request-tenants.ts';

interface Hookable {
  addHook(name: 'onRequest', hook: (request: FastifyRequest, reply: FastifyReply, done: () => void) => void): unknown;
  addHook(
    name: 'preSerialization',
    hook: (request: FastifyRequest, reply: FastifyReply, answer: unknown, done: () => void) => void,
  ): unknown;
  addHook(name: 'onResponse', hook: (request: FastifyRequest, reply: FastifyReply, done: () => void) => void): unknown;
}

/** Counts every response and logs it at level `info`. */
export class RequestRecorder {
  readonly #responses = new BatchedCounters<'method' | 'route' | 'status'>();
  readonly #seconds = new BatchedObservations('route');
  readonly #durations: Histogram<'route'>;
  readonly #isLogged: boolean;

  constructor(
    private readonly logger: Pino,
    registry: Registry,
    private readonly loggedTenants: Pick<LoggedTenants, 'fieldOf'>,
  ) {
    const registers = [registry];
    const responses = this.#responses;
    const seconds = this.#seconds;
    new Counter({
      name: 'metavault_http_requests_total',
      help: 'Responses sent, by route and status.',
      labelNames: ['method', 'route', 'status'] as const,
      registers,
      collect(): void {
        responses.flushInto(this);
      },
    });
    this.#durations = new Histogram({
      name: 'metavault_http_request_duration_seconds',
      help: 'Time from the first byte of a request to the last byte of its response.',
      labelNames: ['route'] as const,
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
      collect(): void {
        seconds.flushInto(this);
      },
    });
    this.#isLogged = logger.isLevelEnabled('info');
  }

  /** Records Fastify's responses. */
  attach(fastify: Hookable): void {
    const spans = new WeakMap<FastifyRequest, RequestSpan>();
    const tenants = this.#isLogged ? new RequestTenants() : null;
    fastify.addHook('onRequest', (request, _, done) => {
      const span = beginRequestSpan(request.headers);
      if (span === null) return done();
      spans.set(request, span);
      span.enter(done);
    });
    if (tenants !== null) {
      fastify.addHook('preSerialization', (request: AuthenticatedRequest, _, answer, done) => {
        tenants.noteAnswer(request, answer);
        done();
      });
    }
    fastify.addHook('onResponse', (request: AuthenticatedRequest, reply, done) => {
      this.recordResponse({
        method: request.method,
        route: request.routeOptions?.url ?? 'unmatched',
        status: reply.statusCode,
        durationMs: reply.elapsedTime,
        requestId: String(request.id),
        request,
        clientId: request.client?.clientId,
        tenant: tenants?.of(request),
        span: spans.get(request) ?? null,
      });
      done();
    });
  }

  recordResponse(handled: CompletedRequest): void {
    const { method, route, status, durationMs } = handled;
    this.#responses.add(`${method} ${status} ${route}`, { method, route, status });
    this.#seconds.add(route, durationMs / 1000, this.#durations);
    if (this.#isLogged) this.logger.info(this.logLine(handled), 'request');
    if (handled.span !== null) endSpan(handled.span, handled);
  }

  private logLine(handled: CompletedRequest): object {
    const { method, route, status, durationMs, requestId, request, clientId, tenant, span } = handled;
    const traceId = span?.traceId ?? readTraceContext(request.headers)?.traceId;
    return {
      method,
      route,
      status,
      duration_ms: Math.round(durationMs * 10) / 10,
      request_id: requestId,
      ...(traceId === undefined ? {} : { trace_id: traceId }),
      ...(clientId === undefined ? {} : { client_id: clientId }),
      ...(tenant === undefined ? {} : this.loggedTenants.fieldOf(tenant)),
    };
  }
}

function endSpan(span: RequestSpan, { method, route, status, clientId }: CompletedRequest): void {
  const attributes = { 'http.request.method': method, 'http.route': route };
  span.end(`${method} ${route}`, status, {
    ...attributes,
    ...(clientId === undefined ? {} : { 'metavault.client.id': clientId }),
  });
}
