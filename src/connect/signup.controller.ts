import { Body, Controller, Get, Param, Post, Req, Res, UseFilters } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Public } from '../access/decorators.ts';
import { Config } from '../config/config.ts';
import { AppError, notFound } from '../platform/problem.ts';
import { SecretString } from '../platform/secret-string.ts';
import { attemptCookies } from './attempt-cookie.ts';
import { BrowserFilter } from './browser.filter.ts';
import { answerEnd } from './browser-answer.ts';
import { ConnectFailure } from './connect-failure.ts';
import { CompleteSignupRequest, signupIds } from './connect-requests.ts';
import type { ConnectSession } from './connect-session-store.ts';
import { OpenSession } from './open-session.ts';
import { type CallbackEnd, ReceiveCallback } from './receive-callback.ts';
import { withResult } from './return-url.ts';

/** What our Embedded Signup page calls. Its browser is proved by the cookie; other sites are kept off by `Origin`. */
@ApiExcludeController()
@Public()
@UseFilters(BrowserFilter)
@Controller('connect/:token')
export class SignupController {
  constructor(
    private readonly opener: OpenSession,
    private readonly callback: ReceiveCallback,
    private readonly config: Config,
  ) {}

  @Post('complete')
  async complete(
    @Param('token') token: string,
    @Body() body: CompleteSignupRequest,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const session = await this.ownSession(token, request);
    const given = { cookies: this.cookies(request), code: new SecretString(body.code), ids: signupIds(body) };
    this.answer(reply, token, await this.callback.complete(session, given, String(request.id)));
  }

  /** The person left the signup. */
  @Post('cancel')
  async cancel(
    @Param('token') token: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const session = await this.ownSession(token, request);
    this.answer(reply, token, await this.callback.cancel(session, this.cookies(request), String(request.id)));
  }

  /** Where the page sends the browser when there is no `return_url`. */
  @Get('result')
  async result(
    @Param('token') token: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const session = await this.opener.findEnded(token);
    answerEnd(request, reply, await this.callback.resultOf(session, this.cookies(request)));
  }

  private async ownSession(token: string, request: FastifyRequest): Promise<ConnectSession> {
    if (request.headers.origin !== new URL(this.config.publicUrl).origin) {
      throw new ConnectFailure('state_mismatch', { isFinal: true });
    }
    const session = await this.opener.findEnded(token);
    if (session.flow !== 'embedded_signup') throw new AppError(notFound);
    return session;
  }

  private cookies(request: FastifyRequest): string[] {
    return attemptCookies(request.headers.cookie, this.config.publicUrl);
  }

  private answer(reply: FastifyReply, token: string, { session, result }: CallbackEnd): void {
    const { publicUrl } = this.config;
    const redirectTo =
      session.returnUrl === null ? `${publicUrl}/connect/${token}/result` : withResult(session.returnUrl, result);
    reply.status(200).header('cache-control', 'no-store').send({ redirect_to: redirectTo });
  }
}
