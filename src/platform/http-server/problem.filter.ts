import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Pino } from '../logger.ts';
import {
  AppError,
  type InputError,
  internalError,
  invalidRequest,
  type MetaCause,
  methodNotAllowed,
  notFound,
  type ProblemCode,
  type ProblemType,
  payloadTooLarge,
  serviceUnavailable,
  unsupportedMediaType,
} from '../problem.ts';

const PROBLEM_MEDIA_TYPE = 'application/problem+json; charset=utf-8';

/** RFC 9457 plus the members in docs/api.md#conventions. */
export interface ProblemDocument {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: ProblemCode;
  request_id: string;
  remedy: string;
  /** Seconds, as in `Retry-After`. */
  retry_after?: number;
  errors?: InputError[];
  meta?: MetaCause;
}

/** Builds the client's view of an error. */
export function toProblemDocument(error: AppError, requestId: string): ProblemDocument {
  const { errors, meta } = error.occurrence;
  const retryAfter = retryAfterOf(error);
  return {
    type: `/problems/${error.code}`,
    title: error.type.title,
    status: error.type.status,
    detail: error.detail,
    code: error.code,
    request_id: requestId,
    remedy: error.remedy,
    ...(retryAfter === null ? {} : { retry_after: retryAfter }),
    ...(errors === undefined ? {} : { errors }),
    ...(meta === undefined ? {} : { meta }),
  };
}

/**
 * Headers of a problem: `Retry-After` in whole seconds (RFC 9110, 10.2.3), and the challenge of a 401 (RFC 6750, 3).
 */
export function toProblemHeaders(error: AppError): Record<string, string> {
  const retryAfter = retryAfterOf(error);
  return {
    'content-type': PROBLEM_MEDIA_TYPE,
    ...(retryAfter === null ? {} : { 'retry-after': String(retryAfter) }),
    ...(error.type.status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
  };
}

/** Whole seconds, at least 1; null if it is unknown when to retry. */
function retryAfterOf({ occurrence: { retryAfterSeconds } }: AppError): number | null {
  return retryAfterSeconds === undefined ? null : Math.max(1, Math.ceil(retryAfterSeconds));
}

const BY_STATUS = new Map<number, ProblemType>(
  [invalidRequest, notFound, methodNotAllowed, payloadTooLarge, unsupportedMediaType, serviceUnavailable].map(
    (type) => [type.status, type],
  ),
);

/** Converts any error to an AppError: 500 without details unless it is ours or the request's fault. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const status = statusOf(error);
  if (status === undefined || status >= 500) return new AppError(internalError, { cause: error });
  const type = BY_STATUS.get(status) ?? invalidRequest;
  // Messages of Nest's and Fastify's errors can quote the request (URL, media type), so keep them private.
  return new AppError(type, { cause: error });
}

function statusOf(error: unknown): number | undefined {
  if (error instanceof HttpException) return error.getStatus();
  const { statusCode, code } = (error ?? {}) as { statusCode?: unknown; code?: unknown };
  const isFastifys = typeof code === 'string' && code.startsWith('FST_ERR_');
  return isFastifys && typeof statusCode === 'number' ? statusCode : undefined;
}

/** Sends an error as problem+json and logs what the client must not see. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply, logger: Pino): void {
  const problem = toAppError(error);
  const requestId = String(request.id);
  if (problem.type === internalError) {
    const cause = problem === error ? (problem.occurrence.cause ?? problem) : error;
    logger.error({ err: cause, request_id: requestId, route: request.routeOptions?.url }, 'internal error');
  } else if (problem.type.status >= 500 && problem.occurrence.cause !== undefined && !problem.occurrence.isLogged) {
    logger.warn({ err: problem.occurrence.cause, request_id: requestId, code: problem.code }, problem.message);
  }
  // The response may have started (a broken stream). Then all we can do is cut it off.
  if (reply.sent || reply.raw.headersSent) {
    reply.raw.destroy();
    return;
  }
  reply
    .status(problem.type.status)
    .headers(toProblemHeaders(problem))
    .send(JSON.stringify(toProblemDocument(problem, requestId)));
}

/** Names the methods of a path in `Allow` (RFC 9110, 15.5.6). Returns the problem. */
export function refuseMethod(reply: FastifyReply, methods: readonly string[]): AppError {
  reply.header('allow', methods.join(', '));
  return new AppError(methodNotAllowed, { detail: `This path accepts ${methods.join(', ')}.` });
}

/** The only place where errors become HTTP responses. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly logger: Pino,
    /** Methods of a URL's routes, to answer 405 instead of 404. */
    private readonly allowedMethods: (url: string) => readonly string[],
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    sendProblem(this.withMethods(error, request, reply), request, reply, this.logger);
  }

  private withMethods(error: unknown, request: FastifyRequest, reply: FastifyReply): unknown {
    if (!request.is404 || !(error instanceof HttpException) || error.getStatus() !== 404) return error;
    const methods = this.allowedMethods(request.url);
    if (methods.length === 0) return error;
    return refuseMethod(reply, methods);
  }
}
