import { Injectable } from '@nestjs/common';
import { AuditLog } from '../../audit/audit-log.ts';
import type { TokenKind } from '../../config/products.ts';
import type { BroughtDescription } from '../../connections/description/description.ts';
import type { ConnectionId } from '../../connections/ids.ts';
import { Database } from '../../database/database.ts';
import { loginFlow } from '../../meta/dialog/login-flows.ts';
import { type MetaApp, MetaApps } from '../../meta/meta-apps.ts';
import { MetaClients } from '../../meta/meta-clients.ts';
import type { GrantedToken } from '../../meta/tokens/granted-token.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { type SignupMessage, writeHints } from '../authorization-hints.ts';
import { ConnectAttemptRepository } from '../connect-attempt.repository.ts';
import { ConnectFailedError, classifyRedirectUriError, toConnectFailedError } from '../connect-failed-error.ts';
import { recordConnectFailure, toFailureDetails } from '../connect-failure-audit.ts';
import type { ConnectSession } from '../connect-session.ts';
import { findSessionApp } from '../session-app.ts';
import { requireLoginAppConfigured } from '../sessions/require-login-configured.ts';
import { type Initiator, PendingAuthorizationService } from './pending-authorization.service.ts';

interface CodeToRedeem extends Initiator {
  session: ConnectSession;
  /** The browser's attempt, whose state was just consumed; null for a client's code. */
  stateHash: Buffer | null;
  code: SecretString;
  /** Null for codes of the JavaScript SDK (docs/meta-facts.md#codes-of-the-javascript-sdk). */
  redirectUri: string | null;
  message: SignupMessage;
  /** Default: that of the session. */
  description?: BroughtDescription;
}

/** Exchanges a code for a connection. Sends the code to Meta exactly once, and seals the token before anything else. */
@Injectable()
export class CodeRedeemer {
  constructor(
    private readonly meta: MetaClients,
    private readonly pendingAuthorizationService: PendingAuthorizationService,
    private readonly attempts: ConnectAttemptRepository,
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly apps: MetaApps,
  ) {}

  /**
   * Returns the connection's id. Throws `ConnectFailedError`, `login_not_configured` for a client's code, or
   * `ClaimLostError` if another replica took over the token.
   */
  async redeem(codeToRedeem: CodeToRedeem): Promise<ConnectionId> {
    const { session, stateHash, message } = codeToRedeem;
    const app = await findSessionApp(this.apps, session);
    if (stateHash === null) requireLoginAppConfigured(app, session);
    const granted = await this.exchange(app, codeToRedeem);
    const isConfigured = usesLoginConfiguration(app, session);
    return this.pendingAuthorizationService.connect(
      {
        tenant: session.tenant,
        product: session.product,
        flow: session.flow,
        sessionId: session.id,
        stateHash,
        requestedBy: session.clientId,
        stage: 'exchanged',
        token: granted.accessToken,
        expiresAt: granted.expiresAt === 'unknown' ? null : granted.expiresAt,
        hints: writeHints({
          ...message,
          ...(session.appId === null ? {} : { appId: session.appId }),
          ...(session.featureType === null ? {} : { featureType: session.featureType }),
          ...(session.expected === null ? {} : { expected: session.expected }),
          description: codeToRedeem.description ?? session.description,
          requestedScopes: isConfigured ? [] : session.scopes,
          grantedScopes: granted.scopes ?? null,
          kind: isConfigured ? null : kindOf(session),
          isGiven: false,
        }),
      },
      codeToRedeem,
    );
  }

  private async exchange(app: MetaApp, codeToRedeem: CodeToRedeem): Promise<GrantedToken> {
    const { session, code, redirectUri } = codeToRedeem;
    const isOwnRedirectUri = codeToRedeem.stateHash !== null && redirectUri !== null;
    try {
      return await this.meta.call(app.id, ({ oauth }) => oauth.exchangeCode({ flow: session.flow, code, redirectUri }));
    } catch (error) {
      const failure = toConnectFailedError(isOwnRedirectUri ? error : classifyRedirectUriError(error), 'code_rejected');
      if (failure instanceof ConnectFailedError) await this.recordFailure(codeToRedeem, failure);
      throw failure;
    }
  }

  private async recordFailure(
    { session, stateHash, actor, requestId }: CodeToRedeem,
    failure: ConnectFailedError,
  ): Promise<void> {
    await this.database.longRunning.transaction(async (tx) => {
      if (stateHash !== null) await this.attempts.recordError(tx, stateHash, failure.errorCode);
      const of = { ...session, sessionId: session.id, actor, requestId };
      await recordConnectFailure(this.audit, tx, of, toFailureDetails(failure, false));
    });
  }
}

/**
 * A Facebook Login for Business configuration decides scopes and token kind
 * (docs/meta-facts.md#a-configuration-replaces-scopes).
 */
function usesLoginConfiguration({ config }: MetaApp, { product, flow }: ConnectSession): boolean {
  return loginFlow(flow).takesLoginConfiguration && config.loginConfigIds[product] !== undefined;
}

/** The kind of token this login gives without a configuration, if there is only one. */
function kindOf({ flow }: ConnectSession): TokenKind | null {
  return loginFlow(flow).unconfiguredKind;
}
