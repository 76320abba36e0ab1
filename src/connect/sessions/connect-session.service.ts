import { Injectable } from '@nestjs/common';
import { AppSelector } from '../../apps/app-selector.ts';
import { type Actor } from '../../audit/actor.ts';
import { AuditLog } from '../../audit/audit-log.ts';
import type { CallerId } from '../../auth/ids.ts';
import { Config } from '../../config/config.ts';
import type { DialogFlow, Product } from '../../config/products.ts';
import { ConnectionRepository } from '../../connections/connection/connection.repository.ts';
import { Database, type RunInTransaction } from '../../database/database.ts';
import { mustAskAgain } from '../../meta/dialog/ask-again.ts';
import type { SignupFeatures } from '../../meta/dialog/embedded-signup.ts';
import { buildJsSdkParameters } from '../../meta/dialog/js-sdk-parameters.ts';
import { defaultScopes } from '../../meta/dialog/product-scopes.ts';
import { MetaApps } from '../../meta/meta-apps.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { Ids } from '../../platform/ids.ts';
import { AppError, notFound } from '../../platform/problem.ts';
import { ConnectSessionRepository } from '../connect-session.repository.ts';
import type { ConnectSession, CreatedSession } from '../connect-session.ts';
import { connectUrl } from '../connect-urls.ts';
import { ConnectSecrets } from './connect-secrets.ts';
import type { LinkOptions } from './connect-session.dto.ts';
import type { ConnectSessionStateResponse } from './connect-session-response.dto.ts';
import { requireLoginConfigured } from './require-login-configured.ts';
import { findSessionActivity } from './session-activity.query.ts';
import { sessionStatus } from './session-status.ts';

const SESSION_TTL_SECONDS = 10 * 60;

interface NewSession extends SignupFeatures, LinkOptions {
  tenant: string;
  product: Product;
  flow: DialogFlow;
  /** Null: selected according to the tenant. */
  appId: string | null;
  /** Null: the product's own. */
  scopes: string[] | null;
  /** Validated. */
  returnUrl: string | null;
  /** Validated. */
  origin: string | null;
  clientId: CallerId;
}

/** Creates sessions, whose link a user opens to connect. */
@Injectable()
export class ConnectSessionService {
  constructor(
    private readonly database: Database,
    private readonly sessions: ConnectSessionRepository,
    private readonly secrets: ConnectSecrets,
    private readonly connections: ConnectionRepository,
    private readonly audit: AuditLog,
    private readonly config: Config,
    private readonly clock: Clock,
    private readonly ids: Ids,
    private readonly apps: MetaApps,
    private readonly selector: AppSelector,
  ) {}

  async describe(session: ConnectSession): Promise<ConnectSessionStateResponse> {
    const activity = await findSessionActivity(this.database, session.id);
    if (activity === null) throw new AppError(notFound);
    const { createdAt, ...browsers } = activity;
    const at = { now: this.clock.now(), claimSeconds: this.config.claimSeconds };
    return {
      id: session.id,
      tenant: session.tenant,
      product: session.product,
      flow: session.flow,
      app_id: session.appId ?? this.apps.primary.id,
      ...sessionStatus(session, browsers, at),
      connection_id: session.connectionId,
      created_at: createdAt.toISOString(),
      expires_at: session.expiresAt.toISOString(),
      feature_type: session.featureType,
      progress: session.progress,
      unfinished: session.unfinished,
      expected: session.expected,
      confirm: session.confirm,
      tenant_name: session.tenantName,
      locale: session.locale,
      origin: session.origin,
      reference: session.description.reference ?? null,
      metadata: session.description.metadata ?? null,
    };
  }

  /**
   * Throws `login_not_configured` if the app lacks the login's settings, and what `AppSelector` throws about the app.
   */
  async create(
    newSession: NewSession,
    by: { actor: Actor; requestId: string },
    transact: RunInTransaction<CreatedSession> = (work) => this.database.transaction(work),
  ): Promise<CreatedSession> {
    const { tenant, product, flow, featureType, features, expected, confirm } = newSession;
    const app = await this.selector.select(tenant, newSession.appId);
    const { config: meta } = app;
    requireLoginConfigured(app, newSession);
    const session: ConnectSession = {
      ...newSession,
      id: this.ids.next('cns'),
      appId: app === this.apps.primary ? null : app.id,
      scopes: newSession.scopes ?? defaultScopes(product, flow),
      expiresAt: addSeconds(this.clock.now(), SESSION_TTL_SECONDS),
      connectionId: null,
      closedAt: null,
      progress: null,
      unfinished: null,
    };
    const { value: token, hash } = this.secrets.make();
    const rerequest = mustAskAgain(flow, await this.connections.findEarlierLogins(tenant, product));
    const jsSdk = buildJsSdkParameters(meta, session, rerequest);
    return transact(async (tx) => {
      await this.sessions.insert(tx, session, hash);
      const signup = {
        ...(featureType === null ? {} : { feature_type: featureType }),
        ...(features.length === 0 ? {} : { features: [...features] }),
      };
      const link = { ...(expected === null ? {} : { expected: { ...expected } }), ...(confirm ? { confirm } : {}) };
      const under = session.appId === null ? {} : { app_id: session.appId };
      const details = { flow, scopes: session.scopes, ...signup, ...link, ...under };
      const of = { tenant, product, subjectId: session.id };
      await this.audit.record(tx, { ...by, ...of, action: 'connect.session_created', details });
      return { session, connectUrl: connectUrl(this.config, token), jsSdk };
    });
  }
}
