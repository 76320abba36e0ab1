import { Body, Controller, Get, Param, Post, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { ambiguousApp, appNotFound } from '../../apps/app-problems.ts';
import { toActor } from '../../audit/actor.ts';
import type { AuthenticatedClient } from '../../auth/authenticated-client.ts';
import { CurrentClient, RequestId, Roles } from '../../auth/decorators.ts';
import { isCoveredByPolicy, notAllowed, requireCoveredByPolicy } from '../../auth/policy/policy.ts';
import { Config } from '../../config/config.ts';
import { ConnectionResponse } from '../../connections/connection/connection-response.dto.ts';
import { ConnectionVisibility } from '../../connections/connection/connection-visibility.ts';
import { toBrought } from '../../connections/description/description.ts';
import { ApiIdempotencyKey } from '../../idempotency/api-idempotency-key.ts';
import { IdempotencyService } from '../../idempotency/idempotency.service.ts';
import { idempotencyKeyReused } from '../../idempotency/idempotency-problems.ts';
import { Idempotent, type IdempotentCall } from '../../idempotency/idempotent-call.ts';
import { isId } from '../../platform/ids.ts';
import { ApiProblems } from '../../platform/openapi/api-problems.ts';
import { exampleId } from '../../platform/openapi/examples.ts';
import { AppError, invalidInputError, notFound } from '../../platform/problem.ts';
import { SecretString } from '../../platform/secret-string.ts';
import { CodeRedeemer } from '../authorization/code-redeemer.ts';
import { SuppliedTokenService } from '../authorization/supplied-token.service.ts';
import { ConnectFailedError } from '../connect-failed-error.ts';
import { CONNECT_PROBLEMS, loginNotConfigured } from '../connect-problems.ts';
import { ConnectSessionRepository } from '../connect-session.repository.ts';
import type { ConnectSession, CreatedSession } from '../connect-session.ts';
import { toSignupMessage } from '../embedded-signup.dto.ts';
import { PhoneNumberRegistrar } from '../phone-numbers/phone-number-registrar.ts';
import { connectProduct } from '../products/products.ts';
import { toCode } from '../request-fields.ts';
import { CompleteSessionRequest } from './complete-session.dto.ts';
import { CreateSessionRequest, toLinkOptions } from './connect-session.dto.ts';
import { ConnectSessionService } from './connect-session.service.ts';
import {
  ConnectSessionResponse,
  ConnectSessionStateResponse,
  toConnectSessionResponse,
} from './connect-session-response.dto.ts';
import { parseDialogFlow } from './parse-dialog-flow.ts';
import { parseSignupFeatures } from './parse-signup-features.ts';
import { checkReturnUrl } from './return-url.ts';

const ApiSessionId = (): MethodDecorator =>
  ApiParam({ name: 'id', description: 'Id of the connect session', example: exampleId('cns') });

/** Creates connect sessions, and completes those that a front end runs with Meta's JavaScript SDK. */
@ApiTags('connect')
@Roles('service', 'admin', 'tenant_admin')
@Controller('v1/connect-sessions')
export class ConnectSessionsController {
  constructor(
    private readonly sessionService: ConnectSessionService,
    private readonly sessions: ConnectSessionRepository,
    private readonly redeemer: CodeRedeemer,
    private readonly tokens: SuppliedTokenService,
    private readonly registrar: PhoneNumberRegistrar,
    private readonly visibility: ConnectionVisibility,
    private readonly config: Config,
    private readonly idempotency: IdempotencyService,
  ) {}

  @Post()
  @ApiOperation({
    operationId: 'createConnectSession',
    summary: 'Create a connect session',
    description:
      'Creates a link that connects one customer for one product. Send the browser to `connect_url` within 10 minutes, or ' +
      "run the login in your own page with Meta's JavaScript SDK and `js_sdk`. Connecting again for the same tenant, " +
      'product, and Meta user updates the connection and keeps its id.',
  })
  @ApiCreatedResponse({ type: ConnectSessionResponse, description: 'The session, with its link' })
  @ApiIdempotencyKey()
  @ApiProblems(notAllowed, loginNotConfigured, appNotFound, ambiguousApp, idempotencyKeyReused)
  async create(
    @Body() request: CreateSessionRequest,
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
    @Idempotent() call: IdempotentCall,
  ): Promise<ConnectSessionResponse> {
    const flow = parseDialogFlow(request);
    const returnUrl = request.return_url === undefined ? null : this.returnUrl(request.return_url);
    const { tenant, product, scopes = null, origin = null, app_id: appId = null } = request;
    if (origin !== null && !this.config.returnUrlOrigins.includes(origin))
      throw invalidInputError('origin', 'must be an origin that is in RETURN_URL_ORIGINS');
    requireCoveredByPolicy(client, tenant, product);
    const signup = parseSignupFeatures(request);
    const link = toLinkOptions(request);
    const { clientId } = client;
    const newSession = { tenant, appId, product, flow, scopes, returnUrl, origin, ...signup, ...link, clientId };
    const by = { actor: toActor(client), requestId };
    return this.idempotency.create(
      call,
      (transact) => this.sessionService.create(newSession, by, transact),
      (created: CreatedSession) => ({
        location: `/v1/connect-sessions/${created.session.id}`,
        body: toConnectSessionResponse(created),
      }),
    );
  }

  @Get(':id')
  @ApiSessionId()
  @ApiOperation({
    operationId: 'getConnectSession',
    summary: 'Get the state of a connect session',
    description: 'For front ends that wait for the end of a session, and for signups whose code got lost.',
  })
  @ApiOkResponse({ type: ConnectSessionStateResponse, description: 'The session, without its link' })
  async show(
    @Param('id') id: string,
    @CurrentClient() client: AuthenticatedClient,
  ): Promise<ConnectSessionStateResponse> {
    return this.sessionService.describe(await this.visibleSession(id, client));
  }

  @Post(':id/complete')
  @ApiSessionId()
  @ApiOperation({
    operationId: 'completeConnectSession',
    summary: 'Complete a connect session with a code or a token',
    description:
      'For front ends that ran the login themselves. A code works once; a token is inspected before anything is stored. ' +
      'With `pin`, a WhatsApp number is registered as well, whose failure does not undo the connection.',
  })
  @ApiCreatedResponse({ type: ConnectionResponse, description: 'The connection, created or updated' })
  @ApiProblems(
    CONNECT_PROBLEMS.session_expired,
    CONNECT_PROBLEMS.code_rejected,
    CONNECT_PROBLEMS.token_rejected,
    CONNECT_PROBLEMS.wrong_account,
    CONNECT_PROBLEMS.meta_configuration,
    CONNECT_PROBLEMS.meta_unavailable,
    loginNotConfigured,
  )
  async complete(
    @Param('id') id: string,
    @Body() request: CompleteSessionRequest,
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ConnectionResponse> {
    const { code, access_token: accessToken, redirect_uri: redirectUri = null } = request;
    if ((code === undefined) === (accessToken === undefined))
      throw invalidInputError('code', 'or access_token must be given, not both');
    if (code === undefined && redirectUri !== null) throw invalidInputError('redirect_uri', 'goes with a code only');
    const session = await this.openSession(id, client);
    if (request.pin !== undefined && !connectProduct(session.product).hasPhoneNumbers)
      throw invalidInputError('pin', 'goes with whatsapp only');
    const description = { ...session.description, ...toBrought(request) };
    const common = { actor: toActor(client), requestId, message: toSignupMessage(request), description };
    const connectionId =
      code === undefined
        ? await this.tokens.connect({
            ...common,
            tenant: session.tenant,
            product: session.product,
            flow: session.flow,
            appId: session.appId,
            sessionId: session.id,
            ...(session.featureType === null ? {} : { featureType: session.featureType }),
            ...(session.expected === null ? {} : { expected: session.expected }),
            clientId: client.clientId,
            token: new SecretString(accessToken ?? ''),
          })
        : await this.redeemer.redeem({
            ...common,
            session,
            stateHash: null,
            code: toCode(code),
            redirectUri,
          });
    if (request.pin !== undefined) {
      const registration = { connectionId, pin: new SecretString(request.pin), actor: common.actor, requestId };
      await this.registrar.registerAfterConnecting(request.phone_number_id ?? null, registration);
    }
    reply.header('location', `/v1/connections/${connectionId}`);
    return this.visibility.getVisible(client, connectionId);
  }

  private returnUrl(value: string): string {
    const checked = checkReturnUrl(value, this.config.returnUrlOrigins);
    if ('fault' in checked) throw invalidInputError('return_url', checked.fault);
    return checked.url;
  }

  private async visibleSession(id: string, client: AuthenticatedClient): Promise<ConnectSession> {
    const session = isId(id, 'cns') ? await this.sessions.findAcrossTenants(id) : null;
    if (session === null || !isCoveredByPolicy(client, session.tenant, session.product)) throw new AppError(notFound);
    return session;
  }

  private async openSession(id: string, client: AuthenticatedClient): Promise<ConnectSession> {
    const session = await this.visibleSession(id, client);
    if (this.sessions.isOpen(session)) return session;
    const detail =
      session.connectionId === null
        ? 'This connect session has expired.'
        : `This connect session was completed already: ${session.connectionId}.`;
    throw new ConnectFailedError('session_expired', { detail, isFinal: true });
  }
}
