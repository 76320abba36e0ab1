import { Inject, Injectable } from '@nestjs/common';
import { type UnverifiedAsset } from '../../connections/assets/unverified-asset.repository.ts';
import { UnverifiedAssetService } from '../../connections/assets/unverified-asset.service.ts';
import { CredentialClaimRepository } from '../../connections/credentials/credential-claim.repository.ts';
import type { CredentialSnapshot } from '../../connections/credentials/credential-snapshot.ts';
import { MetaError } from '../../meta/errors/meta-error.ts';
import { MetaApps } from '../../meta/meta-apps.ts';
import type { BackgroundJob } from '../../platform/jobs/background-job.ts';
import { JobScheduler } from '../../platform/jobs/job-scheduler.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import type { MetaCause } from '../../platform/problem.ts';
import { DecryptionError } from '../../vault/sealed-secret.ts';
import { CallNotPermittedError } from '../rate-limit/app-rate-limiter.ts';
import { AssetReach } from './asset-reach.ts';
import { isRefusalOfAsset, lostAssetReason } from './lost-asset.ts';
import { RefusalInspector } from './refusal-inspector.ts';

const POLL_INTERVAL_MS = 60_000;
const BATCH = 20;

/**
 * Verifies whether assets can still be reached, after Meta reported a change (a removed partner's token stays valid by
 * `debug_token`) or after another connection got them. Only Meta's answer about the asset counts. Stays within the
 * app's rate limit.
 */
@Injectable()
export class AssetInspectionService {
  readonly #job: BackgroundJob;

  constructor(
    jobs: JobScheduler,
    private readonly assets: UnverifiedAssetService,
    private readonly claims: CredentialClaimRepository,
    private readonly reach: AssetReach,
    private readonly refusals: RefusalInspector,
    private readonly apps: MetaApps,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {
    this.#job = jobs.register({
      name: 'unverified-assets',
      schedule: { everyMs: POLL_INTERVAL_MS },
      run: (signal) => this.inspectAllDue(signal),
    });
  }

  /** Verifies what is due. Never throws: what fails is due again in a minute. */
  inspectDue(): Promise<void> {
    return this.#job.runOnce();
  }

  private async inspectAllDue(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const due = await this.assets.claimDue(BATCH);
      for (const asset of due) {
        if (signal.aborted) return;
        await this.inspectAsset(asset);
      }
      if (due.length < BATCH) return;
    }
  }

  private async inspectAsset(asset: UnverifiedAsset): Promise<void> {
    const of = { connection_id: asset.connectionId, asset_id: asset.id };
    const credential = asset.credentialId === null ? null : await this.claims.find(asset.credentialId);
    // The user's token shows whether the user still has a task on the Page.
    const root = credential?.isRoot === false ? await this.claims.findRoot(asset.connectionId) : credential;
    if (credential?.status !== 'active' || root === null || !(await this.apps.serves(root)))
      return this.assets.clearVerification(asset);
    try {
      if (await this.reach.isLost(asset, credential, root)) await this.remove(asset, {});
      else await this.assets.clearVerification(asset);
    } catch (error) {
      if (error instanceof MetaError) return this.handleMetaError(asset, root, error);
      if (error instanceof CallNotPermittedError) return;
      if (!(error instanceof DecryptionError)) throw error;
      this.logger.warn({ ...of, err: error }, 'the token of an unverified asset cannot be decrypted');
      await this.assets.clearVerification(asset);
    }
  }

  private async handleMetaError(
    asset: UnverifiedAsset,
    credential: CredentialSnapshot,
    error: MetaError,
  ): Promise<void> {
    const { verdict, cause } = error;
    if (verdict.kind === 'dead' || verdict.kind === 'suspect') {
      // Inspect the token: a dead token says nothing about the asset.
      const { kind } = await this.refusals.inspectServing(credential, error, 'scheduled');
      if (kind !== 'unknown') await this.assets.clearVerification(asset);
      return;
    }
    if (verdict.kind !== 'permission' && verdict.kind !== 'parameter') return;
    if (isRefusalOfAsset(asset, cause)) return this.remove(asset, cause);
    this.logger.warn(
      { connection_id: asset.connectionId, asset_id: asset.id, meta: cause },
      'Meta refused to show an asset for an unknown reason; the asset is kept',
    );
    await this.assets.clearVerification(asset);
  }

  private async remove(asset: UnverifiedAsset, meta: MetaCause): Promise<void> {
    const { connectionId, type, id } = asset;
    this.logger.warn({ connection_id: connectionId, type, asset_id: id, meta }, 'an asset can no longer be reached');
    await this.assets.removeLost(asset, lostAssetReason(asset, meta));
  }
}
