import { Body, Controller, Get, Post, Req, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { toActor } from '../../audit/actor.ts';
import { addressNotAllowed, forbidden, originNotAllowed, tooManyAttempts } from '../../auth/auth-problems.ts';
import type { AuthenticatedClient } from '../../auth/authenticated-client.ts';
import { CurrentClient, Public, RequestId, Roles } from '../../auth/decorators.ts';
import { Config } from '../../config/config.ts';
import { isId } from '../../platform/ids.ts';
import { ApiProblems } from '../../platform/openapi/api-problems.ts';
import { AppError, invalidInputError } from '../../platform/problem.ts';
import { signInMethodDisabled, signInRefused } from '../console-problems.ts';
import { SignInLinks } from '../links/sign-in-links.service.ts';
import { ConsoleSessionResponse, toConsoleSessionResponse } from '../sessions/console-session.dto.ts';
import { requireOwnOrigin } from '../sessions/own-origin.ts';
import { serializeSessionCookie } from '../sessions/session-cookie.ts';
import { SignInLinkResponse, SignInOptionsResponse, SignInRequestBody } from './sign-in.dto.ts';
import { SignInService } from './sign-in.service.ts';

/** How people sign in to the console without an identity provider. */
@ApiTags('console')
@Controller('v1/console')
export class SignInController {
  constructor(
    private readonly signIn: SignInService,
    private readonly links: SignInLinks,
    private readonly config: Config,
  ) {}

  @Get('sign-in')
  @Public()
  @ApiOperation({
    operationId: 'getSignInOptions',
    summary: 'Find out how people sign in to the console',
    description: 'For the sign-in page. `CONSOLE_KEY_SIGN_IN` and `CONSOLE_OIDC_ISSUER` decide.',
  })
  @ApiOkResponse({ type: SignInOptionsResponse, description: 'The ways to sign in' })
  options(): SignInOptionsResponse {
    const { keySignIn, oidc } = this.config.console;
    return { methods: { key: keySignIn, link: true, oidc: oidc === null ? null : { name: oidc.name } } };
  }

  @Post('sessions')
  @Public()
  @ApiOperation({
    operationId: 'signIn',
    summary: 'Sign in to the console with a key or a link',
    description:
      'Starts a session, whose cookie the answer sets, and ends the one that the browser had. `Origin` must be that of ' +
      'this service. The session ends when its key, its client, or the client that created its link does; at the latest ' +
      'after 12 hours, or after 30 minutes without a request.',
  })
  @ApiCreatedResponse({ type: ConsoleSessionResponse, description: 'The session; its cookie is in `Set-Cookie`' })
  @ApiProblems(signInRefused, signInMethodDisabled, originNotAllowed, addressNotAllowed, tooManyAttempts)
  async create(
    @Body() { key, link }: SignInRequestBody,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ConsoleSessionResponse> {
    requireOwnOrigin(request, this.config);
    if ((key === undefined) === (link === undefined)) throw invalidInputError('key', 'or link must be given, not both');
    const { session, token } =
      link === undefined ? await this.signIn.withKey(key ?? '', request) : await this.signIn.withLink(link, request);
    reply.header('set-cookie', serializeSessionCookie(token.expose()));
    reply.header('location', '/v1/console/sessions/current');
    return toConsoleSessionResponse(session);
  }

  @Post('sign-in-links')
  @Roles('admin')
  @ApiOperation({
    operationId: 'createSignInLink',
    summary: 'Create a link that signs in to the console once',
    description:
      'For an admin without an identity provider. The link works for ten minutes, and its session for as long as the ' +
      'client that created it is an admin. Only clients create links: those of a session would outlive it.',
  })
  @ApiCreatedResponse({ type: SignInLinkResponse, description: 'The link, which is shown once' })
  async createLink(
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SignInLinkResponse> {
    const { clientId, name } = client;
    if (client.person !== undefined || !isId(clientId, 'cli'))
      throw new AppError(forbidden, {
        detail: 'Links are created by clients, not by sessions.',
        remedy: "Call with an admin's key, or run metavault console sign-in-link.",
      });
    const link = await this.links.create({ actor: toActor(client), requestId, client: { clientId, name } });
    reply.header('location', '/console');
    return { url: link.url, expires_at: link.expiresAt.toISOString() };
  }
}
