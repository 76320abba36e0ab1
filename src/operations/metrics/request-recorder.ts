import type { FastifyReply, FastifyRequest } from 'fastify';
import { Counter, Histogram, type Registry } from 'prom-client';
import type { CalledRequest } from '../../auth/decorators.ts';
import { Observations, Tallies } from '../../platform/batched-counters.ts';
import type { AnsweredRequest } from '../../platform/http-server/raw-http-handler.ts';
import { traceContext } from '../../platform/http-server/trace-context.ts';
import type { Pino } from '../../platform/logger.ts';

interface Hookable {
  addHook(name: 'onResponse', hook: (request: FastifyRequest, reply: FastifyReply, done: () => void) => void): unknown;
}

/** Counts every answer, and logs it where the log wants to know. */
export class RequestRecord {
  readonly #answers = new Tallies<'method' | 'route' | 'status'>();
  readonly #seconds = new Observations('route');
  readonly #durations: Histogram<'route'>;
  readonly #isLogged: boolean;

  constructor(
    private readonly logger: Pino,
    registry: Registry,
  ) {
    const registers = [registry];
    const answers = this.#answers;
    const seconds = this.#seconds;
    new Counter({
      name: 'metavault_http_requests_total',
      help: 'Answers given, by route and status.',
      labelNames: ['method', 'route', 'status'] as const,
      registers,
      collect(): void {
        answers.pour(this);
      },
    });
    this.#durations = new Histogram({
      name: 'metavault_http_request_duration_seconds',
      help: 'From the first byte of a request to the last of its answer.',
      labelNames: ['route'] as const,
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
      collect(): void {
        seconds.pour(this);
      },
    });
    this.#isLogged = logger.isLevelEnabled('info');
  }

  /** Notes what Fastify answers. */
  hear(fastify: Hookable): void {
    fastify.addHook('onResponse', (request: CalledRequest, reply, done) => {
      this.note({
        method: request.method,
        route: request.routeOptions?.url ?? 'unmatched',
        status: reply.statusCode,
        durationMs: reply.elapsedTime,
        requestId: String(request.id),
        request,
        clientId: request.caller?.clientId,
      });
      done();
    });
  }

  note(answered: AnsweredRequest): void {
    const { method, route, status, durationMs } = answered;
    this.#answers.add(`${method} ${status} ${route}`, { method, route, status });
    this.#seconds.add(route, durationMs / 1000, this.#durations);
    if (this.#isLogged) this.logger.info(logLine(answered), 'request');
  }
}

function logLine({ method, route, status, durationMs, requestId, request, clientId }: AnsweredRequest): object {
  const trace = traceContext(request.headers);
  return {
    method,
    route,
    status,
    duration_ms: Math.round(durationMs * 10) / 10,
    request_id: requestId,
    ...(trace === null ? {} : { trace_id: trace.traceId }),
    ...(clientId === undefined ? {} : { client_id: clientId }),
  };
}
