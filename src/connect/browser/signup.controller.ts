import { Body, Controller, Get, Param, Post, Query, Req, Res, UseFilters } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Public } from '../../auth/decorators.ts';
import { Config } from '../../config/config.ts';
import { NOTICES, type Notice } from '../../customer-pages/messages/messages.ts';
import { loginFlow } from '../../meta/dialog/login-flows.ts';
import { AppError, notFound } from '../../platform/problem.ts';
import type { ConnectSession } from '../connect-session.ts';
import { SignupRequest, toSignupMessage } from '../embedded-signup.dto.ts';
import { toCode } from '../request-fields.ts';
import { ApiCancelSignup, ApiCompleteSignup, ApiReportSignup, ApiShowEnd } from './api-browser.ts';
import { BrowserFilter } from './browser.filter.ts';
import type { BrowserCookies } from './browser-attempts.ts';
import { BrowserResponder } from './browser-responder.ts';
import { type AttemptResult, CallbackService } from './callback.service.ts';
import { ConnectLinkService } from './connect-link.service.ts';
import { requireOwnOrigin } from './own-origin.ts';
import { CompleteSignupRequest, type SignupResponse } from './signup.dto.ts';

/** As Fastify parses it. `attempt` names the tab; without it, the newest attempt counts. `notice`: see `Notice`. */
type AttemptQuery = Readonly<Record<string, unknown>>;

function attemptOf({ attempt }: AttemptQuery): string | null {
  return typeof attempt === 'string' && /^[0-9a-f]{16}$/.test(attempt) ? attempt : null;
}

function noticeOf({ notice }: AttemptQuery): Notice | null {
  return NOTICES.find((each) => each === notice) ?? null;
}

function cookiesOf({ headers }: FastifyRequest, query: AttemptQuery): BrowserCookies {
  return { header: headers.cookie, attempt: attemptOf(query) };
}

/** Called by our Embedded Signup page. The cookie proves the browser; `Origin` keeps other sites out. */
@ApiTags('browser')
@Public()
@UseFilters(BrowserFilter)
@Controller('connect/:token')
export class SignupController {
  constructor(
    private readonly connectLinks: ConnectLinkService,
    private readonly callback: CallbackService,
    private readonly responder: BrowserResponder,
    private readonly config: Config,
  ) {}

  @Post('complete')
  @ApiCompleteSignup()
  async complete(
    @Param('token') token: string,
    @Body() body: CompleteSignupRequest,
    @Query() query: AttemptQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const session = await this.ownSession(token, request);
    const given = { cookies: cookiesOf(request, query), code: toCode(body.code), message: toSignupMessage(body) };
    this.response(reply, await this.callback.complete(session, given, String(request.id)));
  }

  /** Stores Meta's session message, whether or not a code follows. */
  @Post('report')
  @ApiReportSignup()
  async report(
    @Param('token') token: string,
    @Body() body: SignupRequest,
    @Query() query: AttemptQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const session = await this.ownSession(token, request);
    await this.callback.report(session, cookiesOf(request, query), toSignupMessage(body));
    reply.status(204).header('cache-control', 'no-store').send();
  }

  @Post('cancel')
  @ApiCancelSignup()
  async cancel(
    @Param('token') token: string,
    @Query() query: AttemptQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const session = await this.ownSession(token, request);
    const attemptResult = await this.callback.cancel(session, cookiesOf(request, query), String(request.id));
    this.response(reply, attemptResult);
  }

  /** The last page, of every flow: where the browser ends if there is no `return_url`. `token` is the session's id. */
  @Get('done')
  @ApiShowEnd()
  async done(
    @Param('token') token: string,
    @Query() query: AttemptQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const session = await this.connectLinks.findIncludingEnded(token, request.headers.cookie);
    const { result, ...attemptResult } = await this.callback.resultOf(session, cookiesOf(request, query));
    const shown = 'error' in result ? { ...result, notice: noticeOf(query) } : result;
    await this.responder.sendResult(request, reply, { ...attemptResult, result: shown });
  }

  private async ownSession(token: string, request: FastifyRequest): Promise<ConnectSession> {
    requireOwnOrigin(request, this.config);
    const session = await this.connectLinks.findIncludingEnded(token, request.headers.cookie);
    if (!loginFlow(session.flow).isOpenedBySdk) throw new AppError(notFound);
    return session;
  }

  private response(reply: FastifyReply, attemptResult: AttemptResult): void {
    const { setCookies } = attemptResult;
    const response: SignupResponse = { redirect_to: this.responder.endUrl(attemptResult) };
    reply.status(200).header('cache-control', 'no-store');
    if (setCookies.length > 0) reply.header('set-cookie', setCookies);
    reply.send(response);
  }
}
