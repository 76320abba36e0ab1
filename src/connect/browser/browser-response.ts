import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ConnectionReader } from '../../connections/connection/connection.repository.ts';
import type { ConnectionView } from '../../connections/connection/connection-response.dto.ts';
import { problemDocument, problemHeaders } from '../../platform/http-server/problem.filter.ts';
import type { AppError } from '../../platform/problem.ts';
import { problemOfWord } from '../connect-problems.ts';
import { withResult } from '../sessions/return-url.ts';
import { connectedPage, problemPage } from './browser-page.ts';
import type { CallbackEnd } from './callback.service.ts';

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

export interface EndingPage {
  connections: ConnectionReader;
  /** Where the routes that the page names are described. */
  docsUrl: string;
  /** The path of the connect link, where it is known. */
  again?: string;
}

/** The end of an authorization: back to where the person came from, else a page of ours, which says what is left to be done. */
export async function answerEnd(
  request: FastifyRequest,
  reply: FastifyReply,
  { session, result }: CallbackEnd,
  { connections, docsUrl, again }: EndingPage,
): Promise<void> {
  reply.header('cache-control', 'no-store');
  if (session.returnUrl !== null) {
    reply.redirect(withResult(session.returnUrl, result), 302);
    return;
  }
  if ('error' in result) {
    const link = result.error === 'session_expired' ? undefined : again;
    answerProblem(request, reply, problemOfWord(result.error, result.told), link ?? null);
    return;
  }
  const { connectionId } = result;
  const connection = await connections.findAcrossTenants(connectionId);
  const numbers = connection === null ? [] : numbersToRegister(connection);
  if (wantsJson(request.headers.accept)) {
    const told = numbers.length === 0 ? {} : { phone_numbers_to_register: numbers.map(({ id }) => id) };
    reply.send({ status: 'connected', connection_id: connectionId, ...told });
  } else {
    const lack = connection?.status_reason ?? null;
    reply.type('text/html; charset=utf-8').send(connectedPage({ connectionId, lack, numbers, docsUrl }));
  }
}

/** As far as is known here: one that Meta registered by itself (a number of the WhatsApp Business app) or an earlier partner did is among them. */
function numbersToRegister({ assets }: ConnectionView): ConnectionView['assets'] {
  return assets.filter(({ type, registration }) => type === 'phone_number' && registration?.status !== 'registered');
}
