import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { databaseUnavailable } from '../database/database-unavailable.ts';
import { HttpRequestError } from '../platform/http-client/http-client.ts';
import type { RawRequestContext } from '../platform/http-server/raw-http-handler.ts';
import { readTraceContext } from '../platform/http-server/trace-context.ts';
import { LOGGER, type Pino } from '../platform/logger.ts';
import { AppError, serverBusy } from '../platform/problem.ts';
import { DecryptionError } from '../vault/sealed-secret.ts';
import { GatewayError } from './gateway-error.ts';
import { GatewayMetrics } from './gateway-metrics.ts';

/** Nginx's status for a client that disconnected before a response. Only the log and metrics see it. */
const CLIENT_CLOSED_REQUEST = 499;

/** Writes errors in Meta's shape, counts them, and logs server errors. */
@Injectable()
export class GatewayErrorWriter {
  constructor(
    @Inject(GatewayMetrics) private readonly metrics: GatewayMetrics,
    @Inject(LOGGER) private readonly log: Pino,
  ) {}

  /** Ends the response in any state. */
  write(error: unknown, request: IncomingMessage, response: ServerResponse, context: RawRequestContext): void {
    // The request was already refused as too slow; this is the resulting failure of the body's reader.
    if (response.writableEnded) return;
    // The client is gone, so a later failure is neither Meta's nor ours, and no one reads a response.
    if (response.destroyed) {
      if (!response.headersSent) response.statusCode = CLIENT_CLOSED_REQUEST;
      return;
    }
    const gatewayError = toGatewayError(error);
    this.metrics.countError(gatewayError.code);
    this.logServerError(gatewayError, error, request, context);
    // Break the connection: a truncated body must not look complete.
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const body = gatewayError.body();
    const own = Object.entries(gatewayError.headers()).flat();
    const head = [...context.headers, ...own, 'content-length', String(Buffer.byteLength(body))];
    // Don't wait for the rest of the request body.
    if (!request.complete && !head.includes('connection')) head.push('connection', 'close');
    response.writeHead(gatewayError.status, head);
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  private logServerError(
    gatewayError: GatewayError,
    error: unknown,
    request: IncomingMessage,
    context: RawRequestContext,
  ): void {
    if (gatewayError.status < 500) return;
    const trace = readTraceContext(request.headers);
    const about = { request_id: context.requestId, ...(trace === null ? {} : { trace_id: trace.traceId }) };
    if (gatewayError.code === 'internal_error') this.log.error({ err: error, ...about }, 'internal error');
    else if (gatewayError.code !== 'database_unavailable')
      this.log.warn({ err: gatewayError.cause, ...about }, gatewayError.message);
  }
}

/** Converts any error: a refusal while the body streams, Meta unreachable, or a bug. */
export function toGatewayError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  if (error instanceof HttpRequestError) {
    if (error.cause instanceof GatewayError) return error.cause;
    const detail = error.reason === 'timeout' ? 'Meta did not respond in time.' : 'Meta could not be reached.';
    return new GatewayError('meta_unavailable', { detail, retryAfterSeconds: 1, cause: error });
  }
  if (error instanceof DecryptionError) return new GatewayError('credential_unreadable', { cause: error });
  if (error instanceof AppError && error.type === databaseUnavailable) {
    return new GatewayError('database_unavailable', { retryAfterSeconds: 1, cause: error });
  }
  if (error instanceof AppError && error.type === serverBusy) {
    return new GatewayError('server_busy', {
      detail: error.detail,
      retryAfterSeconds: error.occurrence.retryAfterSeconds ?? 1,
    });
  }
  return new GatewayError('internal_error', { cause: error });
}
