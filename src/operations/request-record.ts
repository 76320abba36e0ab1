import type { FastifyReply, FastifyRequest } from 'fastify';
import { Counter, Histogram, type Registry } from 'prom-client';
import type { CalledRequest } from '../access/decorators.ts';
import type { Pino } from '../platform/logger.ts';
import { traceContext } from '../platform/trace-context.ts';

interface Hookable {
  addHook(name: 'onResponse', hook: (request: FastifyRequest, reply: FastifyReply, done: () => void) => void): unknown;
}

/**
 * Counts every answer, and logs it where the log wants to know. A line has the pattern of the route, never the URL: paths and
 * queries hold ids, states and, where SDKs put it there, tokens.
 */
export function recordRequests(fastify: Hookable, logger: Pino, registry: Registry): void {
  const labelNames = ['method', 'route', 'status'] as const;
  const answers = new Counter({
    name: 'metavault_http_requests_total',
    help: 'Answers given, by route and status.',
    labelNames,
    registers: [registry],
  });
  const durations = new Histogram({
    name: 'metavault_http_request_duration_seconds',
    help: 'From the first byte of a request to the last of its answer.',
    labelNames: ['route'] as const,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [registry],
  });
  const isLogged = logger.isLevelEnabled('info');
  fastify.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions?.url ?? 'unmatched';
    answers.inc({ method: request.method, route, status: reply.statusCode });
    durations.observe({ route }, reply.elapsedTime / 1000);
    if (isLogged) logger.info(logLine(request, reply, route), 'request');
    done();
  });
}

function logLine(request: CalledRequest, reply: FastifyReply, route: string): Record<string, unknown> {
  const trace = traceContext(request.headers);
  return {
    method: request.method,
    route,
    status: reply.statusCode,
    duration_ms: Math.round(reply.elapsedTime * 10) / 10,
    request_id: String(request.id),
    ...(trace === null ? {} : { trace_id: trace.traceId }),
    ...(request.caller === undefined ? {} : { client_id: request.caller.clientId }),
  };
}
