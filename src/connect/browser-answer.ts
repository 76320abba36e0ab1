import type { FastifyReply, FastifyRequest } from 'fastify';
import { problemDocument, problemHeaders } from '../platform/problem.filter.ts';
import type { AppError } from '../platform/problem.ts';
import { connectedPage, problemPage } from './browser-page.ts';
import { problemOfWord } from './connect-problems.ts';
import type { CallbackEnd } from './receive-callback.ts';
import { withResult } from './return-url.ts';

/** What a caller of our browser routes wants to read. Who names no type (curl) is a person. */
export function wantsJson(accept: string | undefined): boolean {
  const wanted = (accept ?? '').toLowerCase();
  return /application\/(?:problem\+)?json\b/.test(wanted) && !wanted.includes('text/html');
}

/** An error as a page, or as problem+json where that was asked for. */
export function answerProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  problem: AppError,
  again: string | null = null,
): void {
  const requestId = String(request.id);
  const { 'content-type': jsonType, ...headers } = problemHeaders(problem);
  reply.status(problem.type.status).headers(headers).header('cache-control', 'no-store');
  if (wantsJson(request.headers.accept)) {
    reply.header('content-type', jsonType).send(JSON.stringify(problemDocument(problem, requestId)));
  } else {
    reply.type('text/html; charset=utf-8').send(problemPage(problem, requestId, again));
  }
}

/**
 * The end of an authorization: back to where the person came from, else a page of ours. `again`: the path of the connect link,
 * where it is known.
 */
export function answerEnd(
  request: FastifyRequest,
  reply: FastifyReply,
  { session, result }: CallbackEnd,
  again: string | null = null,
): void {
  reply.header('cache-control', 'no-store');
  if (session.returnUrl !== null) {
    reply.redirect(withResult(session.returnUrl, result), 302);
  } else if ('error' in result) {
    answerProblem(
      request,
      reply,
      problemOfWord(result.error, result.told),
      result.error === 'session_expired' ? null : again,
    );
  } else if (wantsJson(request.headers.accept)) {
    reply.send({ status: 'connected', connection_id: result.connectionId });
  } else {
    reply.type('text/html; charset=utf-8').send(connectedPage());
  }
}
