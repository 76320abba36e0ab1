import { Injectable } from '@nestjs/common';
import { AuditLog } from '../../audit/audit-log.ts';
import type { CallerId } from '../../auth/ids.ts';
import type { Flow, Product, TokenKind } from '../../config/products.ts';
import type { BroughtDescription } from '../../connections/description/description.ts';
import type { ConnectionId } from '../../connections/ids.ts';
import { Database } from '../../database/database.ts';
import { missingAppSettings } from '../../meta/dialog/missing-login-settings.ts';
import { expectedTokenKinds } from '../../meta/dialog/product-scopes.ts';
import { type MetaApp, MetaApps } from '../../meta/meta-apps.ts';
import type { ValidInspection } from '../../meta/tokens/inspection-result.ts';
import { tokenKind } from '../../meta/tokens/token-kinds.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { type SignupMessage, writeHints } from '../authorization-hints.ts';
import { ConnectFailedError, toConnectFailedError } from '../connect-failed-error.ts';
import { recordConnectFailure, toFailureDetails } from '../connect-failure-audit.ts';
import { loginNotConfiguredError } from '../connect-problems.ts';
import type { ExpectedAccount } from '../connect-session.ts';
import type { ConnectSessionId } from '../ids.ts';
import { findSessionApp } from '../session-app.ts';
import { AuthorizationPipeline } from './authorization-pipeline.ts';
import { type Initiator, PendingAuthorizationService } from './pending-authorization.service.ts';

export interface SuppliedToken extends Initiator {
  tenant: string;
  product: Product;
  flow: Flow;
  /** The Meta app it must belong to. Null: the environment's. */
  appId: string | null;
  /** Null for an import. */
  sessionId: ConnectSessionId | null;
  /** Null for an operator on the command line. */
  clientId: CallerId | null;
  token: SecretString;
  /** The Embedded Signup feature that the session asked for. */
  featureType?: string;
  /** The only account it may belong to; absent: any. */
  expected?: ExpectedAccount;
  message: SignupMessage;
  description?: BroughtDescription;
}

/** Connects a token supplied by a client. Stores nothing until Meta confirms that it is valid and our app's. */
@Injectable()
export class SuppliedTokenService {
  constructor(
    private readonly pipeline: AuthorizationPipeline,
    private readonly pendingAuthorizationService: PendingAuthorizationService,
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly apps: MetaApps,
  ) {}

  /** Returns the connection's id. Throws `ConnectFailedError` or `login_not_configured`, having kept nothing. */
  async connect(suppliedToken: SuppliedToken): Promise<ConnectionId> {
    const { tenant, product, flow, sessionId, clientId, token, message, description } = suppliedToken;
    const { appId, featureType, expected } = suppliedToken;
    const { kind } = await this.identify(suppliedToken);
    return this.pendingAuthorizationService.connect(
      {
        tenant,
        product,
        flow,
        sessionId,
        stateHash: null,
        requestedBy: clientId,
        stage: 'exchanged',
        token,
        expiresAt: null,
        hints: writeHints({
          ...message,
          ...(appId === null ? {} : { appId }),
          ...(featureType === undefined ? {} : { featureType }),
          ...(expected === undefined ? {} : { expected }),
          ...(description === undefined ? {} : { description }),
          requestedScopes: [],
          grantedScopes: null,
          kind,
          isGiven: true,
        }),
      },
      suppliedToken,
    );
  }

  private async identify(suppliedToken: SuppliedToken): Promise<ValidInspection> {
    try {
      return await this.inspectAsAnyKind(suppliedToken);
    } catch (error) {
      const failure = toConnectFailedError(error, 'token_rejected');
      if (failure instanceof ConnectFailedError)
        await recordConnectFailure(this.audit, this.database, suppliedToken, toFailureDetails(failure, false));
      throw failure;
    }
  }

  /**
   * Asks each host that issues tokens for this product, likeliest first: a host rejects another's tokens as malformed.
   */
  private async inspectAsAnyKind({ appId, product, flow, token }: SuppliedToken): Promise<ValidInspection> {
    const kinds = expectedTokenKinds(product, flow);
    const app = await findSessionApp(this.apps, { appId });
    const { config: meta } = app;
    const isAskable = (kind: TokenKind): boolean => missingAppSettings(meta, tokenKind(kind).host) === null;
    const askable = kinds.filter(isAskable);
    if (askable.length === 0) throw notConfigured(app, product, kinds);
    let refusal: ConnectFailedError | null = null;
    for (const asked of kindsToInspect(askable, token)) {
      try {
        const inspection = await this.pipeline.inspect(app, asked, token);
        if (kinds.includes(inspection.kind)) return inspection;
        const detail = `This is a ${inspection.kind} token; ${product} takes ${kinds.join(', ')}.`;
        throw new ConnectFailedError('token_rejected', { detail, isFinal: true });
      } catch (error) {
        const failure = toConnectFailedError(error, 'token_rejected');
        if (!(failure instanceof ConnectFailedError) || failure.reason !== 'token_rejected') throw failure;
        refusal ??= failure;
      }
    }
    // A host that might know the token was never asked.
    const unasked = kinds.filter((kind) => !isAskable(kind) && isLikely(kind, token));
    if (unasked.length > 0) throw notConfigured(app, product, unasked);
    throw refusal ?? new ConnectFailedError('token_rejected', { isFinal: true });
  }
}

function isLikely(kind: TokenKind, token: SecretString): boolean {
  return token.expose().startsWith(tokenKind(kind).prefixFamily);
}

/** Names the settings missing for these kinds of tokens. */
function notConfigured(app: MetaApp, product: Product, kinds: readonly TokenKind[]): Error {
  const [missing] = kinds.flatMap((kind) => missingAppSettings(app.config, tokenKind(kind).host) ?? []);
  if (missing === undefined) throw new Error(`the apps for ${kinds.join(', ')} are all configured`);
  return loginNotConfiguredError(app, `Connecting ${product} with a ${kinds.join(' or ')} token`, missing);
}

/** Kinds to inspect a token as: one facebook.com kind stands in for all. The token's prefix only decides the order. */
function kindsToInspect(kinds: readonly TokenKind[], token: SecretString): (TokenKind | 'unknown')[] {
  const likely = kinds.filter((kind) => isLikely(kind, token));
  const ordered = [...likely, ...kinds.filter((kind) => !likely.includes(kind))];
  return [...new Set(ordered.map((kind) => (tokenKind(kind).inspection.meFields === null ? 'unknown' : kind)))];
}
