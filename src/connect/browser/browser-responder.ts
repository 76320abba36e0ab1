import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Config } from '../../config/config.ts';
import { ConnectionRepository } from '../../connections/connection/connection.repository.ts';
import type { ConnectionResponse } from '../../connections/connection/connection-response.dto.ts';
import { type CustomerPage, CustomerPages } from '../../customer-pages/customer-pages.ts';
import { chooseLocale, type Locale } from '../../customer-pages/locale.ts';
import { messagesIn } from '../../customer-pages/messages/message-catalog.ts';
import type { Notice } from '../../customer-pages/messages/messages.ts';
import { prefersJson } from '../../platform/http-server/prefers-json.ts';
import { toProblemDocument, toProblemHeaders } from '../../platform/http-server/problem.filter.ts';
import type { AppError } from '../../platform/problem.ts';
import { ConnectFailedError } from '../connect-failed-error.ts';
import { connectPath, docsUrl, doneUrl } from '../connect-urls.ts';
import { withResult } from '../sessions/return-url.ts';
import { attemptNameOf } from './attempt-cookie.ts';
import type { AttemptResult } from './callback.service.ts';
import type { EndedLinkError } from './connect-link.service.ts';
import { buildDoneScript, type DisplayQuery, isPopup, keepOpener } from './popup.ts';
import { buildProblemPage } from './problem-page.ts';
import { findUnregisteredNumbers, renderConnected } from './result-page.ts';
import type { ConnectedResponse } from './signup.dto.ts';

interface ProblemOptions {
  /** Of the session; null: what the browser prefers. */
  locale?: Locale | null;
  notice?: Notice | null;
  retryPath?: string | null;
  script?: CustomerPage['script'];
}

/** Sends errors and results of authorizations to browsers: redirects, pages, or JSON on request. */
@Injectable()
export class BrowserResponder {
  constructor(
    private readonly config: Config,
    private readonly connections: ConnectionRepository,
    private readonly pages: CustomerPages,
  ) {}

  /** Sends an error as a page, or as problem+json on request. */
  sendProblem(request: FastifyRequest, reply: FastifyReply, problem: AppError, options: ProblemOptions = {}): void {
    const { locale = null, script, ...rest } = options;
    const requestId = String(request.id);
    const { 'content-type': jsonType, ...headers } = toProblemHeaders(problem);
    reply.status(problem.type.status).headers(headers).header('cache-control', 'no-store');
    if (prefersJson(request.headers.accept)) {
      reply.header('content-type', jsonType).send(JSON.stringify(toProblemDocument(problem, requestId)));
      return;
    }
    const page = buildProblemPage(problem, { ...rest, locale: localeOf(request, locale), requestId });
    this.pages.send(reply, { ...page, ...(script === undefined ? {} : { script }) });
  }

  /** Sends the error in the session's language. In a pop-up, also notifies the page that opened it. */
  sendEndedLink(request: FastifyRequest, reply: FastifyReply, problem: EndedLinkError): void {
    const { session, errorCode: error } = problem;
    const script = isPopup(session, request.query as DisplayQuery) ? buildDoneScript(session, { error }) : null;
    if (script !== null) keepOpener(reply);
    this.sendProblem(request, reply, problem, { locale: session.locale, ...(script === null ? {} : { script }) });
  }

  /**
   * Ends an authorization: redirects to the `return_url`, else to our last page. Either way the browser leaves the
   * callback's address, which holds code and state.
   */
  async sendEnd(request: FastifyRequest, reply: FastifyReply, attemptResult: AttemptResult): Promise<void> {
    const { attempt, session, setCookies } = attemptResult;
    if (setCookies.length > 0) reply.header('set-cookie', setCookies);
    const isShownHere = session.returnUrl === null && prefersJson(request.headers.accept);
    if (isShownHere) {
      await this.sendResult(request, reply, attemptResult);
      return;
    }
    if (attempt.inPopup) keepOpener(reply);
    const isOurs = session.returnUrl === null || attempt.inPopup;
    reply.header('cache-control', 'no-store').redirect(this.endUrl(attemptResult), isOurs ? 303 : 302);
  }

  /** Where the browser goes at the end. In a pop-up always to our page, which notifies the page that opened it. */
  endUrl({ attempt, session, result }: AttemptResult): string {
    if (session.returnUrl !== null && !attempt.inPopup) return withResult(session.returnUrl, result);
    const notice = 'error' in result ? (result.notice ?? null) : null;
    return doneUrl(this.config, session.id, { attempt: attemptNameOf(attempt.stateHash), notice });
  }

  /** Sends the last page. */
  async sendResult(request: FastifyRequest, reply: FastifyReply, attemptResult: AttemptResult): Promise<void> {
    const { attempt, session, result } = attemptResult;
    reply.header('cache-control', 'no-store');
    if (session.returnUrl !== null && !attempt.inPopup) {
      reply.redirect(withResult(session.returnUrl, result), 302);
      return;
    }
    if (attempt.inPopup) keepOpener(reply);
    if (!('error' in result)) {
      await this.sendConnected(request, reply, attemptResult, result.connectionId);
      return;
    }
    const { locale } = session;
    const { error, notice = null } = result;
    const retryPath =
      error === 'session_expired' ? null : connectPath(this.config, session.id, { inPopup: attempt.inPopup });
    const problem = new ConnectFailedError(error, { isFinal: true });
    this.sendProblem(request, reply, problem, { locale, notice, retryPath, ...this.doneScript(attemptResult) });
  }

  private async sendConnected(
    request: FastifyRequest,
    reply: FastifyReply,
    attemptResult: AttemptResult,
    connectionId: ConnectionResponse['id'],
  ): Promise<void> {
    const { session } = attemptResult;
    const found = await this.connections.findAcrossTenants(connectionId);
    const connection = found ?? { id: connectionId, assets: [], assets_count: 0, credentials: [], status_reason: null };
    if (prefersJson(request.headers.accept)) {
      const numbers = findUnregisteredNumbers(connection).map(({ id }) => id);
      const unregistered = numbers.length === 0 ? {} : { phone_numbers_to_register: numbers };
      const response: ConnectedResponse = { status: 'connected', connection_id: connectionId, ...unregistered };
      reply.send(response);
      return;
    }
    const locale = localeOf(request, session.locale);
    const { name: brandName } = this.config.branding;
    this.pages.send(reply, {
      locale,
      title: messagesIn(locale).connected.title,
      body: renderConnected({ locale, session, brandName, connection, docsUrl: docsUrl(this.config) }),
      ...this.doneScript(attemptResult),
    });
  }

  private doneScript({ attempt, session, result }: AttemptResult): Pick<CustomerPage, 'script'> {
    const script = attempt.inPopup ? buildDoneScript(session, result) : null;
    return script === null ? {} : { script };
  }
}

/** Returns the language of a page: the session's, else what the browser prefers. */
export function localeOf(request: FastifyRequest, chosen: Locale | null): Locale {
  return chooseLocale(chosen, request.headers['accept-language']);
}
