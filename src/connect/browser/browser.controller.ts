import { Controller, Get, Param, Post, Query, Req, Res, UseFilters } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Public } from '../../auth/decorators.ts';
import { Config } from '../../config/config.ts';
import { CustomerPages } from '../../customer-pages/customer-pages.ts';
import type { CallbackQuery } from '../../meta/dialog/callback-query.ts';
import { buildJsSdkParameters } from '../../meta/dialog/js-sdk-parameters.ts';
import { buildJsSdkScript } from '../../meta/dialog/js-sdk-script.ts';
import { loginFlow } from '../../meta/dialog/login-flows.ts';
import { MetaApps } from '../../meta/meta-apps.ts';
import { TakesBody } from '../../platform/http-server/request-body.ts';
import { AppError, notFound } from '../../platform/problem.ts';
import { Random } from '../../platform/random.ts';
import type { ConnectSession } from '../connect-session.ts';
import { connectPath } from '../connect-urls.ts';
import { findSessionApp } from '../session-app.ts';
import { requireLoginConfigured } from '../sessions/require-login-configured.ts';
import { ApiConfirmLink, ApiOpenDialog, ApiOpenLink, ApiOpenSignup, ApiReceiveCallback } from './api-browser.ts';
import { BrowserFilter } from './browser.filter.ts';
import { BrowserResponder, localeOf } from './browser-responder.ts';
import { CallbackService } from './callback.service.ts';
import { buildConfirmPage } from './confirm-page.ts';
import { ConnectLinkService, type OpenedSession } from './connect-link.service.ts';
import { requireOwnOrigin } from './own-origin.ts';
import { type DisplayQuery, isPopup, keepOpener } from './popup.ts';
import { buildSignupPage } from './signup-page.ts';

/** Routes the user's browser visits on the way to Meta's dialog and back. */
@ApiTags('browser')
@Public()
@UseFilters(BrowserFilter)
@Controller()
export class BrowserController {
  constructor(
    private readonly connectLinks: ConnectLinkService,
    private readonly callback: CallbackService,
    private readonly responder: BrowserResponder,
    private readonly pages: CustomerPages,
    private readonly config: Config,
    private readonly random: Random,
    private readonly apps: MetaApps,
  ) {}

  @Get('connect/:token')
  @ApiOpenLink()
  async open(
    @Param('token') token: string,
    @Query() query: DisplayQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const session = await this.connectLinks.find(token, request.headers.cookie);
    const inPopup = isPopup(session, query);
    if (inPopup) keepOpener(reply);
    if (session.confirm) {
      await this.sendConfirmPage(session, { actionPath: connectPath(this.config, token, { inPopup }) }, request, reply);
      return;
    }
    const opened = await this.openUnlessHead(session, { asFullPage: false, inPopup }, request, reply);
    if (opened === null) return;
    if (opened.dialogUrl !== null) reply.redirect(opened.dialogUrl, 302);
    else await this.sendSignupPage(opened, token, request, reply);
  }

  /** Target of the confirmation page's form: sessions with `confirm` get state and cookie only here. */
  @Post('connect/:token')
  @TakesBody('form')
  @ApiConfirmLink()
  async confirm(
    @Param('token') token: string,
    @Query() query: DisplayQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    requireOwnOrigin(request, this.config);
    const { cookie: cookies } = request.headers;
    const session = await this.connectLinks.find(token, cookies);
    const inPopup = isPopup(session, query);
    if (inPopup) keepOpener(reply);
    const opened = await this.connectLinks.open(session, cookies, { asFullPage: false, inPopup });
    reply.header('cache-control', 'no-store').header('set-cookie', opened.setCookies);
    reply.redirect(opened.dialogUrl ?? connectPath(this.config, token, { page: '/signup', inPopup }), 303);
  }

  /** The Embedded Signup page, for browsers that passed the page before it. */
  @Get('connect/:token/signup')
  @ApiOpenSignup()
  async openSignup(
    @Param('token') token: string,
    @Query() query: DisplayQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const session = await this.findForOwnBrowser(token, query, request, reply);
    if (session === null) return;
    if (!loginFlow(session.flow).isOpenedBySdk) throw new AppError(notFound);
    const way = { asFullPage: false, inPopup: isPopup(session, query) };
    const opened = await this.openUnlessHead(session, way, request, reply);
    if (opened !== null) await this.sendSignupPage(opened, token, request, reply);
  }

  /** Meta's dialog as a full page, for every flow, in case our signup page's SDK is blocked or loses the code. */
  @Get('connect/:token/dialog')
  @ApiOpenDialog()
  async openDialog(
    @Param('token') token: string,
    @Query() query: DisplayQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const session = await this.findForOwnBrowser(token, query, request, reply);
    if (session === null) return;
    const way = { asFullPage: true, inPopup: isPopup(session, query) };
    const opened = await this.openUnlessHead(session, way, request, reply);
    if (opened === null) return;
    if (opened.dialogUrl === null) throw new Error(`the flow ${session.flow} has no dialog`);
    reply.redirect(opened.dialogUrl, 302);
  }

  @Get('oauth/meta/callback')
  @ApiReceiveCallback()
  async receive(
    @Query() query: CallbackQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    if (request.method === 'HEAD') {
      reply.header('cache-control', 'no-store').send();
      return;
    }
    const attemptResult = await this.callback.receive(query, request.headers.cookie, String(request.id));
    await this.responder.sendEnd(request, reply, attemptResult);
  }

  /** Null: the browser was redirected to the page that comes first. */
  private async findForOwnBrowser(
    token: string,
    query: DisplayQuery,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<ConnectSession | null> {
    const { cookie: cookies } = request.headers;
    const session = await this.connectLinks.findForDialog(token, cookies);
    const inPopup = isPopup(session, query);
    if (inPopup) keepOpener(reply);
    if (await this.connectLinks.mayProceed(session, cookies)) return session;
    reply.header('cache-control', 'no-store').redirect(connectPath(this.config, token, { inPopup }), 302);
    return null;
  }

  private async sendConfirmPage(
    session: ConnectSession,
    { actionPath }: { actionPath: string },
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    requireLoginConfigured(await findSessionApp(this.apps, session), session);
    // `no-referrer` would make the form's Origin "null". Other sites never get the path, which holds the link's token.
    reply.header('referrer-policy', 'same-origin').header('cache-control', 'no-store');
    this.pages.send(reply, buildConfirmPage(session, { locale: localeOf(request, session.locale), actionPath }));
  }

  /** Fastify also sends HEAD to the GET route, but HEAD must not create state, cookie or dialog. */
  private async openUnlessHead(
    session: ConnectSession,
    way: { asFullPage: boolean; inPopup: boolean },
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<OpenedSession | null> {
    reply.header('cache-control', 'no-store');
    if (request.method === 'HEAD') {
      reply.send();
      return null;
    }
    const opened = await this.connectLinks.open(session, request.headers.cookie, way);
    reply.header('set-cookie', opened.setCookies);
    return opened;
  }

  private async sendSignupPage(
    { session, attempt, inPopup, rerequest }: OpenedSession,
    token: string,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const { config: meta } = await findSessionApp(this.apps, session);
    const sdk = buildJsSdkParameters(meta, session, rerequest);
    if (sdk === null) throw new Error(`the flow ${session.flow} has no JS SDK`);
    const page = buildSignupPage({
      locale: localeOf(request, session.locale),
      sdk,
      sdkScript: buildJsSdkScript(meta),
      basePath: connectPath(this.config, token),
      dialogPath: connectPath(this.config, token, { page: '/dialog', inPopup }),
      attempt,
      nonce: this.random.bytes(16).toString('base64'),
      imageSources: this.pages.imageSources,
    });
    // Meta's SDK may see our origin, as the dialog shows it; `Referer` omits the path, which holds the link's token.
    reply.header('referrer-policy', 'strict-origin');
    this.pages.send(reply, page);
  }
}
