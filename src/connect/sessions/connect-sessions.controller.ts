import { Body, Controller, Param, Post, UseFilters } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { actorOf } from '../../audit/actor.ts';
import type { Caller } from '../../auth/authenticated-client.ts';
import { CurrentCaller, RequestId, Roles } from '../../auth/decorators.ts';
import { covers, requireCovered } from '../../auth/policy/policy.ts';
import { Config } from '../../config/config.ts';
import { ConnectionReader } from '../../connections/connection/connection.repository.ts';
import type { ConnectionView } from '../../connections/connection/connection-response.dto.ts';
import type { JsSdkParameters } from '../../meta/dialog/js-sdk-parameters.ts';
import { AppError, invalidInput, notFound } from '../../platform/problem.ts';
import { SecretString } from '../../platform/secret-string.ts';
import { RedeemCode } from '../authorization/code-redeemer.ts';
import { TakeToken } from '../authorization/supplied-token.service.ts';
import { CompleteSessionRequest, CreateSessionRequest, requireDialogFlow, signupIds } from '../connect.dto.ts';
import { ClientFilter } from '../connect-error.filter.ts';
import { ConnectFailure } from '../connect-failed-error.ts';
import { RegisterPhoneNumber } from '../phone-numbers/phone-number-registrar.ts';
import { type ConnectSession, ConnectSessionStore } from './connect-session.repository.ts';
import { CreateSession } from './connect-session.service.ts';
import { checkReturnUrl } from './return-url.ts';

/** A connect session as the API shows it. */
interface SessionView {
  id: string;
  connect_url: string;
  expires_at: string;
  js_sdk: JsSdkParameters | null;
}

/** Invitations to connect, and the end of those that a front end runs with Meta's JS SDK. */
@ApiTags('connecting')
@ApiBearerAuth('bearer')
@Roles('service', 'admin')
@UseFilters(ClientFilter)
@Controller('v1/connect-sessions')
export class ConnectSessionsController {
  constructor(
    private readonly creator: CreateSession,
    private readonly sessions: ConnectSessionStore,
    private readonly redeemer: RedeemCode,
    private readonly tokens: TakeToken,
    private readonly registering: RegisterPhoneNumber,
    private readonly connections: ConnectionReader,
    private readonly config: Config,
  ) {}

  @Post()
  async create(
    @Body() request: CreateSessionRequest,
    @CurrentCaller() caller: Caller,
    @RequestId() requestId: string,
  ): Promise<SessionView> {
    const flow = requireDialogFlow(request);
    const returnUrl = request.return_url === undefined ? null : this.returnUrl(request.return_url);
    const { tenant, product, scopes = null } = request;
    requireCovered(caller, tenant, product);
    const wanted = { tenant, product, flow, scopes, returnUrl, clientId: caller.clientId };
    const { session, connectUrl, jsSdk } = await this.creator.create(wanted, { actor: actorOf(caller), requestId });
    return { id: session.id, connect_url: connectUrl, expires_at: session.expiresAt.toISOString(), js_sdk: jsSdk };
  }

  /** A code or token that the caller's front end got. Everything that a browser's callback does besides is not needed here. */
  @Post(':id/complete')
  async complete(
    @Param('id') id: string,
    @Body() request: CompleteSessionRequest,
    @CurrentCaller() caller: Caller,
    @RequestId() requestId: string,
  ): Promise<ConnectionView> {
    const { code, access_token: accessToken, redirect_uri: redirectUri = null } = request;
    if ((code === undefined) === (accessToken === undefined))
      throw invalidInput('code', 'or access_token must be given, not both');
    if (code === undefined && redirectUri !== null) throw invalidInput('redirect_uri', 'goes with a code only');
    const session = await this.openSession(id, caller);
    if (request.pin !== undefined && session.product !== 'whatsapp')
      throw invalidInput('pin', 'goes with whatsapp only');
    const common = { actor: actorOf(caller), requestId, ids: signupIds(request) };
    const connectionId =
      code === undefined
        ? await this.tokens.take({
            ...common,
            tenant: session.tenant,
            product: session.product,
            flow: session.flow,
            sessionId: session.id,
            clientId: caller.clientId,
            token: new SecretString(accessToken ?? ''),
          })
        : await this.redeemer.redeem({
            ...common,
            session,
            stateHash: null,
            code: new SecretString(code),
            redirectUri,
          });
    if (request.pin !== undefined) {
      const registration = { connectionId, pin: new SecretString(request.pin), actor: common.actor, requestId };
      await this.registering.registerAfterConnecting(request.phone_number_id ?? null, registration);
    }
    return requireView(await this.connections.findAcrossTenants(connectionId));
  }

  private returnUrl(value: string): string {
    const checked = checkReturnUrl(value, this.config.returnUrlOrigins);
    if ('fault' in checked) throw invalidInput('return_url', checked.fault);
    return checked.url;
  }

  private async openSession(id: string, caller: Caller): Promise<ConnectSession> {
    const session = await this.sessions.findAcrossTenants(id);
    if (session === null || !covers(caller, session.tenant, session.product)) throw new AppError(notFound);
    if (this.sessions.isOpen(session)) return session;
    const detail =
      session.connectionId === null
        ? 'This connect session has expired.'
        : `This connect session was completed already: ${session.connectionId}.`;
    throw new ConnectFailure('session_expired', { detail, isFinal: true });
  }
}

/** A connection that was just made. */
export function requireView(view: ConnectionView | null): ConnectionView {
  if (view === null) throw new Error('a connection vanished right after it was made');
  return view;
}
