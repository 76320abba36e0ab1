import { Injectable } from '@nestjs/common';
import { AppRepository } from '../../apps/app.repository.ts';
import type { Actor } from '../../audit/actor.ts';
import type { Flow, TokenKind } from '../../config/products.ts';
import { ConnectionProvisioner } from '../../connections/authorization/connection-provisioner.ts';
import { PendingAuthorizationRepository } from '../../connections/authorization/pending-authorization.repository.ts';
import { type PendingAuthorization } from '../../connections/authorization/pending-authorization.ts';
import type { ProvisioningInput } from '../../connections/authorization/provisioning-input.ts';
import type { ConnectionId } from '../../connections/ids.ts';
import { missingScopesReason } from '../../connections/status/missing-scopes.ts';
import type { StatusReason } from '../../connections/status/status-reason.ts';
import type { Transaction } from '../../database/database.ts';
import { ImmediateInspectionService } from '../../lifecycle/inspection/immediate-inspection.service.ts';
import { loginFlow } from '../../meta/dialog/login-flows.ts';
import { missingScopesOfToken } from '../../meta/dialog/product-scopes.ts';
import { MetaError } from '../../meta/errors/meta-error.ts';
import { requireApp } from '../../meta/graph/app-credentials.ts';
import { type MetaApp, MetaApps } from '../../meta/meta-apps.ts';
import type { MetaClient } from '../../meta/meta-client.ts';
import { MetaClients } from '../../meta/meta-clients.ts';
import type { ValidInspection } from '../../meta/tokens/inspection-result.ts';
import { type LongLivedExchange, tokenKind } from '../../meta/tokens/token-kinds.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { type AuthorizationHints, readHints } from '../authorization-hints.ts';
import { ConnectFailedError, describeDeadToken } from '../connect-failed-error.ts';
import type { ConnectProgress } from '../connect-session.ts';
import type { ConnectionWarning, Discovered, DiscoveryInput, DiscoveryProgress } from '../discovery/discovery.ts';
import { discoverAssets } from '../products/discover-assets.ts';
import { AccountExpectation } from './account-expectation.ts';

/**
 * Above this, a token is long-lived already: short ones live 1 to 2 hours, long ones 60 days
 * (docs/meta-facts.md#long-lived-user-tokens).
 */
const SHORT_LIVED_SECONDS = DAY_SECONDS;

/**
 * An authorization in progress. `pendingAuthorization` advances with each stage, so finishing destroys the token sealed
 * last.
 */
export interface AuthorizationRun {
  pendingAuthorization: PendingAuthorization;
  actor: Actor;
  requestId: string | null;
  /** Reports progress of slow runs. */
  onProgress(progress: ConnectProgress): Promise<void>;
  onConnected?: OnConnected | undefined;
}

/** Runs in the transaction that creates the connection. */
export type OnConnected = (tx: Transaction, connectionId: ConnectionId) => Promise<void>;

/** Fewer are stored too fast to report progress. */
const MANY_ASSETS = 100;

/**
 * Turns a sealed token into a connection: exchange for a long-lived one if needed, inspect, discover assets, provision.
 * Starts at the pending authorization's stage, so a crash costs at most one repeated call, which is safe.
 */
@Injectable()
export class AuthorizationPipeline {
  constructor(
    private readonly pendingAuthorizations: PendingAuthorizationRepository,
    private readonly meta: MetaClients,
    private readonly provisioner: ConnectionProvisioner,
    private readonly apps: MetaApps,
    private readonly appRows: AppRepository,
    private readonly clock: Clock,
    private readonly immediateInspection: ImmediateInspectionService,
  ) {}

  /**
   * Returns the connection's id. Throws `MetaError`, `ConnectFailedError`, or `ClaimLostError` if another replica took
   * over.
   */
  async run(work: AuthorizationRun, within: OnConnected): Promise<ConnectionId> {
    const hints = readHints(work.pendingAuthorization.hints);
    const app = await this.findApp(hints);
    const client = this.meta.as(app);
    const inspected = await this.makeLongLived(work, hints, app);
    const token = await this.pendingAuthorizations.open(work.pendingAuthorization);
    const inspection = inspected ?? (await this.inspect(app, hints.kind ?? 'unknown', token));
    const expectation = new AccountExpectation(client.discovery, token, hints.expected ?? {});
    await expectation.checkSubject(inspection);
    const scopes = inspection.scopes ?? (await this.scopesOf(client, inspection.kind, token, hints));
    const isInteractive = loginFlow(work.pendingAuthorization.flow as Flow).dialog !== null;
    const onProgress = (found: DiscoveryProgress) => work.onProgress({ stage: 'discovering', ...found });
    const beforeSubscribing = (ids: readonly string[]) => expectation.checkWhatsappAccounts(ids);
    const input = { token, inspection, scopes, hints, isInteractive, app, onProgress, beforeSubscribing };
    const found = await discoverAssets(work.pendingAuthorization.product, client.discovery, input);
    expectation.requireProven();
    const name = inspection.subjectName ?? (await this.nameOf(client, inspection.kind, token));
    const { pages, assets } = found;
    if (assets.length >= MANY_ASSETS)
      await work.onProgress({ stage: 'storing', pages: pages.length, assets: assets.length });
    const provisioningInput = this.provisioningInput(work, input, found, name);
    const { connectionId, verificationCount } = await this.provisioner.provision(provisioningInput, async (tx, id) => {
      await this.holdApp(tx, app, provisioningInput.appId);
      await within(tx, id);
    });
    if (verificationCount > 0) this.immediateInspection.trigger();
    return connectionId;
  }

  /** Keeps the app from being deleted before the connection is committed; then it is in use. */
  private async holdApp(tx: Transaction, app: MetaApp, appId: string): Promise<void> {
    if (app !== this.apps.primary && !(await this.appRows.hold(tx, appId)))
      throw new ConnectFailedError('meta_configuration', { isFinal: false });
  }

  /** Throws `ConnectFailedError` `meta_configuration` if the app is gone: the token is kept for a day. */
  private async findApp({ appId }: AuthorizationHints): Promise<MetaApp> {
    const app = await this.apps.findOwn(appId ?? null);
    if (app !== null) return app;
    const detail = 'The app at Meta that this login was made for is no longer set up here.';
    throw new ConnectFailedError('meta_configuration', { detail, isFinal: false });
  }

  /**
   * Inspects a token as an app. Throws `ConnectFailedError` `token_rejected` if it is dead, another app's, or an app
   * token.
   */
  async inspect(app: MetaApp, kind: TokenKind | 'unknown', token: SecretString): Promise<ValidInspection> {
    const result = await this.meta.as(app).inspection.inspect(kind, token);
    if (result.valid) return result;
    if (result.reason === 'dead') {
      const detail = 'Meta says that the token is not valid.';
      const message = { detail, ...describeDeadToken(result.verdict.reason) };
      throw new ConnectFailedError('token_rejected', { meta: result.meta, isFinal: true, ...message });
    }
    const detail =
      result.reason === 'foreign_app' ? 'The token was not issued to this app.' : 'An app token cannot be connected.';
    throw new ConnectFailedError('token_rejected', { detail, isFinal: true });
  }

  /**
   * Replaces a short-lived token by a long-lived one. Returns the inspection if one was needed and still holds.
   * System-user tokens stay as they are: their configuration chose their expiry
   * (docs/meta-facts.md#expiry-of-business-integrations).
   */
  private async makeLongLived(
    work: AuthorizationRun,
    hints: AuthorizationHints,
    app: MetaApp,
  ): Promise<ValidInspection | null> {
    const { pendingAuthorization } = work;
    if (pendingAuthorization.stage === 'long_lived') return null;
    const kind = hints.kind ?? 'unknown';
    if (kind === 'unknown' || hints.isGiven) {
      const inspection = await this.inspect(app, kind, await this.pendingAuthorizations.open(pendingAuthorization));
      if (!this.isExchanged(inspection.kind, ['always'], inspection.expiresAt)) return inspection;
      return this.exchange(work, inspection.kind, app);
    }
    const expiresAt = pendingAuthorization.expiresAt ?? 'unknown';
    if (!this.isExchanged(kind, ['always', 'after_code'], expiresAt)) return null;
    return this.exchange(work, kind, app);
  }

  private async exchange(work: AuthorizationRun, kind: TokenKind, app: MetaApp): Promise<null> {
    const short = await this.pendingAuthorizations.open(work.pendingAuthorization);
    try {
      const granted = await this.meta.as(app).oauth.exchangeForLongLived(kind, short);
      const expiresAt = granted.expiresAt === 'unknown' ? null : granted.expiresAt;
      work.pendingAuthorization = await this.pendingAuthorizations.advance(
        work.pendingAuthorization,
        granted.accessToken,
        expiresAt,
      );
      return null;
    } catch (error) {
      // The refusal is ambiguous: inspection decides whether the token is dead. If it lives, the exchange is retried
      // later.
      if (error instanceof MetaError && error.verdict.kind === 'suspect') await this.inspect(app, kind, short);
      throw error;
    }
  }

  private isExchanged(
    kind: TokenKind,
    when: readonly LongLivedExchange['when'][],
    expiresAt: Date | null | 'unknown',
  ): boolean {
    const { exchange } = tokenKind(kind);
    if (exchange === null || !when.includes(exchange.when)) return false;
    if (expiresAt === 'unknown') return true;
    return expiresAt !== null && expiresAt < addSeconds(this.clock.now(), SHORT_LIVED_SECONDS);
  }

  /** For hosts whose inspection reports no scopes: those of the token response, else those the dialog asked for. */
  private async scopesOf(
    { discovery }: MetaClient,
    kind: TokenKind,
    token: SecretString,
    hints: AuthorizationHints,
  ): Promise<string[]> {
    if (tokenKind(kind).listsPermissions) return (await discovery.listPermissions(token)).granted;
    return hints.grantedScopes ?? hints.requestedScopes;
  }

  /** Returns a display name for lists; null if Meta refuses it, as nothing depends on it. */
  private async nameOf({ discovery }: MetaClient, kind: TokenKind, token: SecretString): Promise<string | null> {
    if (!tokenKind(kind).isNamedByMe) return null;
    try {
      return (await discovery.getMe(token)).name;
    } catch (error) {
      if (error instanceof MetaError) return null;
      throw error;
    }
  }

  private provisioningInput(
    { pendingAuthorization, actor, requestId }: AuthorizationRun,
    { token, inspection, scopes, hints, app }: DiscoveryInput,
    found: Discovered,
    subjectName: string | null,
  ): ProvisioningInput {
    const { kind, subjectId, issuedAt } = inspection;
    const missing = missingScopesOfToken(pendingAuthorization.product, kind, scopes);
    const wanted = new Set([...missing, ...hints.requestedScopes]);
    const warning: ConnectionWarning | null = missing.length === 0 ? found.warning : missingScopesReason(missing);
    const expiresAt = inspection.expiresAt === 'unknown' ? pendingAuthorization.expiresAt : inspection.expiresAt;
    return {
      pendingAuthorization,
      appId: requireApp(app.hostOf(kind), 'provision_connection').id,
      // A page token's subject is the Page: two Pages of one user, imported separately, are two connections.
      metaUserId: tokenKind(kind).speaksForPage ? subjectId : inspection.userId,
      appScopedUserId: inspection.appScopedUserId ?? null,
      scopes,
      declinedScopes: scopes.length === 0 ? [] : [...wanted].filter((scope) => !scopes.includes(scope)),
      dataAccessExpiresAt: inspection.dataAccessExpiresAt,
      graphApiVersion: app.config.graphApiVersion,
      statusReason: warning === null ? null : this.statusReason(warning),
      isUnusable: warning?.isUnusable === true,
      root: { kind, subjectId, subjectName, token, scopes, issuedAt, expiresAt },
      pages: found.pages,
      assets: found.assets,
      description: hints.description ?? {},
      actor,
      requestId,
    };
  }

  private statusReason(warning: ConnectionWarning): StatusReason {
    const { isUnusable: _, ...reason } = warning;
    return { ...reason, since_at: this.clock.now().toISOString() };
  }
}
