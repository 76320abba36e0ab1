import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ConnectionRepository } from '../../connections/connection/connection.repository.ts';
import type { ConnectionResponse } from '../../connections/connection/connection-response.dto.ts';
import { toProblemDocument, toProblemHeaders } from '../../platform/http-server/problem.filter.ts';
import type { AppError } from '../../platform/problem.ts';
import { ConnectFailedError } from '../connect-failed-error.ts';
import { withResult } from '../sessions/return-url.ts';
import { renderConnectedPage, renderProblemPage } from './browser-page.ts';
import type { AttemptResult } from './callback.service.ts';
import type { ConnectedResponse } from './signup.dto.ts';

/** Our pages' script asks for JSON. Without a preference (curl), return a page. */
export function wantsJson(accept: string | undefined): boolean {
  const wanted = (accept ?? '').toLowerCase();
  return /application\/(?:problem\+)?json\b/.test(wanted) && !wanted.includes('text/html');
}

/** Sends an error as a page, or as problem+json on request. */
export function sendBrowserProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  problem: AppError,
  retryPath: string | null = null,
): void {
  const requestId = String(request.id);
  const { 'content-type': jsonType, ...headers } = toProblemHeaders(problem);
  reply.status(problem.type.status).headers(headers).header('cache-control', 'no-store');
  if (wantsJson(request.headers.accept)) {
    reply.header('content-type', jsonType).send(JSON.stringify(toProblemDocument(problem, requestId)));
  } else {
    reply.type('text/html; charset=utf-8').send(renderProblemPage(problem, requestId, retryPath));
  }
}

interface ResultPageOptions {
  connections: ConnectionRepository;
  /** Docs of the routes that the page mentions. */
  docsUrl: string;
  /** Path of the connect link, if known. */
  retryPath?: string;
}

/** Ends an authorization: redirects to the `return_url`, else shows our page with what is left to do. */
export async function sendConnectResult(
  request: FastifyRequest,
  reply: FastifyReply,
  { session, result, setCookies }: AttemptResult,
  { connections, docsUrl, retryPath }: ResultPageOptions,
): Promise<void> {
  reply.header('cache-control', 'no-store');
  if (setCookies.length > 0) reply.header('set-cookie', setCookies);
  if (session.returnUrl !== null) {
    reply.redirect(withResult(session.returnUrl, result), 302);
    return;
  }
  if ('error' in result) {
    const link = result.error === 'session_expired' ? undefined : retryPath;
    sendBrowserProblem(
      request,
      reply,
      new ConnectFailedError(result.error, { ...result.userMessage, isFinal: true }),
      link ?? null,
    );
    return;
  }
  const { connectionId } = result;
  const connection = await connections.findAcrossTenants(connectionId);
  const numbers = connection === null ? [] : findUnregisteredNumbers(connection);
  if (wantsJson(request.headers.accept)) {
    const unregistered = numbers.length === 0 ? {} : { phone_numbers_to_register: numbers.map(({ id }) => id) };
    const response: ConnectedResponse = { status: 'connected', connection_id: connectionId, ...unregistered };
    reply.send(response);
  } else {
    const statusReason = connection?.status_reason ?? null;
    reply.type('text/html; charset=utf-8').send(renderConnectedPage({ connectionId, statusReason, numbers, docsUrl }));
  }
}

/**
 * Numbers not known to be registered: includes those an earlier partner registered, but not the WhatsApp Business
 * app's.
 */
function findUnregisteredNumbers({ assets }: ConnectionResponse): ConnectionResponse['assets'] {
  const isUnregistered = (status: string | undefined): boolean => status === undefined || status === 'failed';
  return assets.filter(({ type, registration }) => type === 'phone_number' && isUnregistered(registration?.status));
}
