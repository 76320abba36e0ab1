import { Controller, Delete, Get, HttpCode, Param, Query, Res } from '@nestjs/common';
import { ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { unauthenticated } from '../../auth/auth-problems.ts';
import { type AuthenticatedClient, ROLES } from '../../auth/authenticated-client.ts';
import { CurrentClient, RequestId, Roles } from '../../auth/decorators.ts';
import { WaitsForStandby } from '../../database/standby/waits-for-standby.ts';
import { ApiPage } from '../../platform/openapi/api-page.ts';
import { ApiProblems } from '../../platform/openapi/api-problems.ts';
import { exampleId } from '../../platform/openapi/examples.ts';
import { PageRequest } from '../../platform/page-request.dto.ts';
import { decodeCursor, type Page, toPage } from '../../platform/paging.ts';
import { AppError } from '../../platform/problem.ts';
import { consoleSessionNotFound } from '../console-problems.ts';
import { OpenIdProvider } from '../openid/openid-provider.ts';
import { canSignIn } from '../sign-in/console-roles.ts';
import { ConsoleSessionResponse, SignedOutResponse, toConsoleSessionResponse } from './console-session.dto.ts';
import { ConsoleSessions } from './console-sessions.service.ts';
import { expireSessionCookie } from './session-cookie.ts';

const NO_SESSION = { detail: 'No session made this request.', remedy: 'Sign in at /console.' };

/** People's sessions. */
@ApiTags('console')
@Roles(...ROLES.filter(canSignIn))
@Controller('v1/console/sessions')
export class ConsoleSessionsController {
  constructor(
    private readonly sessions: ConsoleSessions,
    private readonly provider: OpenIdProvider,
  ) {}

  @Get()
  @ApiOperation({
    operationId: 'listConsoleSessions',
    summary: 'List the sessions of the console',
    description: 'Lists sessions that have not ended, newest first: of everybody for admins, else those of the caller.',
  })
  @ApiPage(ConsoleSessionResponse, 'A page of sessions')
  async list(
    @CurrentClient() client: AuthenticatedClient,
    @Query() { limit, cursor }: PageRequest,
  ): Promise<Page<ConsoleSessionResponse>> {
    const rows = await this.sessions.list(client, limit, decodeCursor(cursor));
    return toPage(rows, limit, (row) => toConsoleSessionResponse(row));
  }

  @Get('current')
  @ApiOperation({
    operationId: 'getCurrentConsoleSession',
    summary: 'Get the session of the caller',
    description: 'Who is signed in, with which role, and until when. 401 for a call with a key.',
  })
  @ApiOkResponse({ type: ConsoleSessionResponse, description: 'The session' })
  async current(@CurrentClient() client: AuthenticatedClient): Promise<ConsoleSessionResponse> {
    const session = await this.sessions.current(client);
    if (session === null) throw new AppError(unauthenticated, NO_SESSION);
    return toConsoleSessionResponse(session, client);
  }

  @Delete('current')
  @HttpCode(200)
  @WaitsForStandby({ isEnding: true })
  @ApiOperation({
    operationId: 'signOut',
    summary: 'Sign out of the console',
    description: 'Ends the session of the caller, on every replica from the next call on, and deletes its cookie.',
  })
  @ApiOkResponse({ type: SignedOutResponse, description: 'Where to sign out at the identity provider' })
  async signOut(
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SignedOutResponse> {
    const { person } = client;
    if (person === undefined) throw new AppError(unauthenticated, NO_SESSION);
    await this.sessions.signOut(client, requestId);
    reply.header('set-cookie', expireSessionCookie());
    return { sign_out_url: person.method === 'oidc' ? await this.provider.signOutUrl() : null };
  }

  @Delete(':id')
  @HttpCode(204)
  @WaitsForStandby({ isEnding: true })
  @ApiParam({ name: 'id', description: 'Id of the session', example: exampleId('ses') })
  @ApiOperation({
    operationId: 'endConsoleSession',
    summary: 'End a session of the console',
    description: 'One of the caller, or for admins any. Idempotent.',
  })
  @ApiNoContentResponse({ description: 'The session has ended' })
  @ApiProblems(consoleSessionNotFound)
  async end(
    @Param('id') id: string,
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
  ): Promise<void> {
    await this.sessions.end(client, id, requestId);
  }
}
