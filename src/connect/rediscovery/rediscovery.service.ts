import { Inject, Injectable } from '@nestjs/common';
import { type Actor, SYSTEM } from '../../audit/actor.ts';
import { AssetUpdateService, type DiscoveryBasis } from '../../connections/assets/asset-update.service.ts';
import { CredentialClaimRepository } from '../../connections/credentials/credential-claim.repository.ts';
import { CredentialOutcomeService } from '../../connections/credentials/credential-outcome.service.ts';
import type { CredentialSnapshot } from '../../connections/credentials/credential-snapshot.ts';
import { CredentialVersionService } from '../../connections/credentials/credential-version.service.ts';
import { listAppsWithDue } from '../../connections/due-apps.query.ts';
import type { ConnectionId } from '../../connections/ids.ts';
import { Database } from '../../database/database.ts';
import { AppRateLimiter, CallNotPermittedError, type Urgency } from '../../lifecycle/rate-limit/app-rate-limiter.ts';
import { forEachApp } from '../../lifecycle/sweeps/for-each-app.ts';
import { forEachConcurrent } from '../../lifecycle/sweeps/for-each-concurrent.ts';
import { MetaError } from '../../meta/errors/meta-error.ts';
import { type MetaApp, MetaApps } from '../../meta/meta-apps.ts';
import { MetaClients } from '../../meta/meta-clients.ts';
import { Clock } from '../../platform/clock.ts';
import { JobScheduler } from '../../platform/jobs/job-scheduler.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { DecryptionError } from '../../vault/sealed-secret.ts';
import { readHints } from '../authorization-hints.ts';
import type { Discovered } from '../discovery/discovery.ts';
import { discoverAssets } from '../products/discover-assets.ts';

const POLL_INTERVAL_MS = 60_000;
/** Caps the share of an app's concurrent calls: one look makes many, in sequence. */
const CALLS_PER_LOOK = 8;

interface Initiator {
  actor: Actor;
  requestId: string | null;
}

/**
 * Rediscovers what a connection reaches: weekly, and on request. Changes nothing at Meta except to subscribe new
 * WhatsApp accounts. Due times are in the row, so a crash loses nothing: the claim expires, and another replica takes
 * over.
 */
@Injectable()
export class RediscoveryService {
  constructor(
    jobs: JobScheduler,
    private readonly updates: AssetUpdateService,
    private readonly claims: CredentialClaimRepository,
    private readonly versions: CredentialVersionService,
    private readonly outcomes: CredentialOutcomeService,
    private readonly meta: MetaClients,
    private readonly rateLimiter: AppRateLimiter,
    private readonly apps: MetaApps,
    private readonly database: Database,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {
    jobs.register({
      name: 'asset-discovery',
      schedule: { everyMs: POLL_INTERVAL_MS },
      run: (signal) => this.lookAtDue(signal),
    });
  }

  /** Rediscovers everything due, within each app's rate limit. */
  async lookAtDue(signal?: AbortSignal): Promise<void> {
    const appIds = await listAppsWithDue(this.database, 'discoveries', this.clock.now());
    await forEachApp(appIds, (appId) => this.lookAtDueOf(appId, signal));
  }

  /** Rediscovers now. Meta's failures don't throw: what Meta couldn't be asked about is retried in an hour or two. */
  async look(connectionId: ConnectionId, urgency: Urgency, by: Initiator): Promise<void> {
    try {
      if (!(await this.lookAndApply(connectionId, urgency, by))) await this.updates.postpone(connectionId);
    } catch (error) {
      const isExpected =
        error instanceof MetaError || error instanceof CallNotPermittedError || error instanceof DecryptionError;
      if (!isExpected) throw error;
      this.logger.info({ connection_id: connectionId, err: error }, 'rediscovery failed');
      await this.updates.postpone(connectionId);
    }
  }

  private lookAtDueOf(appId: string, signal: AbortSignal | undefined): Promise<void> {
    return forEachConcurrent<ConnectionId>({
      concurrency: async () => {
        if (signal?.aborted === true) return 0;
        const allowance = await this.rateLimiter.allowance(appId);
        return allowance.kind === 'go' ? Math.max(1, Math.floor(allowance.concurrency / CALLS_PER_LOOK)) : 0;
      },
      next: (limit) => this.updates.claimDue(appId, limit),
      work: async (connectionId) => {
        try {
          await this.look(connectionId, 'scheduled', { actor: SYSTEM, requestId: null });
        } catch (error) {
          this.logger.error(
            { connection_id: connectionId, err: error },
            'rediscovery crashed; due again when its claim expires',
          );
        }
      },
    });
  }

  /** False if there was no valid token to ask with. */
  private async lookAndApply(connectionId: ConnectionId, urgency: Urgency, by: Initiator): Promise<boolean> {
    const basis = await this.updates.findBasis(connectionId);
    const root = basis === null ? null : await this.claims.findRoot(connectionId);
    const token = root === null ? null : await this.versions.openCurrent(root);
    // Never ask with another app than the token's: what it can't see would look lost.
    const app = root === null ? null : await this.apps.find(root.appId);
    if (basis === null || root === null || token === null || app?.serves(root) !== true) return false;
    const found = await this.discover(app, root, token, basis, urgency);
    if (found === null) return false;
    const { pages, assets, warning, coverage = null } = found;
    await this.updates.apply(connectionId, basis, { pages, assets, warning, coverage }, by);
    return true;
  }

  /** Null if the token is no longer valid, which its own inspection handles. */
  private async discover(
    app: MetaApp,
    root: CredentialSnapshot,
    token: SecretString,
    basis: DiscoveryBasis,
    urgency: Urgency,
  ): Promise<Discovered | null> {
    const { appId, product } = root;
    const inspection = await this.rateLimiter.call(appId, urgency, () =>
      this.meta.call(appId, ({ inspection: api }) => api.inspect(root.kind, token)),
    );
    if (!inspection.valid) {
      await this.outcomes.requestVerification(root.id, root.version);
      return null;
    }
    const accounts = basis.assets.filter(({ type }) => type === 'whatsapp_business_account');
    const input = {
      token,
      inspection,
      scopes: inspection.scopes ?? root.scopes,
      hints: readHints({}),
      isInteractive: false,
      app,
      secondLook: { whatsappAccountIds: accounts.map(({ id }) => id) },
      // Large connections take a long time: stop as soon as the app is limited.
      onProgress: () => this.rateLimiter.acquire(appId, urgency),
    };
    return this.rateLimiter.call(appId, urgency, () => discoverAssets(product, this.meta.as(app).discovery, input));
  }
}
