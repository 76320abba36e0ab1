import { Inject, Injectable } from '@nestjs/common';
import { partnerRemovedReason } from '../../connections/assets/partner-removed.ts';
import { type UnverifiedAsset } from '../../connections/assets/unverified-asset.repository.ts';
import { UnverifiedAssetService } from '../../connections/assets/unverified-asset.service.ts';
import { CredentialClaimRepository } from '../../connections/credentials/credential-claim.repository.ts';
import type { CredentialSnapshot } from '../../connections/credentials/credential-snapshot.ts';
import { CredentialVersionService } from '../../connections/credentials/credential-version.service.ts';
import { type DeathReason, PARTNER_REMOVED } from '../../connections/status/status-reason.ts';
import { WhatsappApi } from '../../meta/assets/whatsapp-api.ts';
import { MetaError } from '../../meta/errors/meta-error.ts';
import { MetaApps } from '../../meta/meta-apps.ts';
import { defineErrorCode } from '../../platform/error-code.ts';
import type { BackgroundJob } from '../../platform/jobs/background-job.ts';
import { JobScheduler } from '../../platform/jobs/job-scheduler.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import type { MetaCause } from '../../platform/problem.ts';
import { DecryptionError } from '../../vault/sealed-secret.ts';
import { AppRateLimiter, CallNotPermittedError } from '../rate-limit/app-rate-limiter.ts';
import { RefusalInspector } from './refusal-inspector.ts';

const POLL_INTERVAL_MS = 60_000;
const BATCH = 20;

/**
 * Inspects whether WhatsApp Business Accounts are still within reach where Meta reported that something happened to them: a partner that
 * was removed keeps a token that `debug_token` calls valid. Only Meta's own refusal of the account counts. Stays within the rate limit
 * of the app, like all work that no request waits for.
 */
@Injectable()
export class AssetInspectionService {
  readonly #job: BackgroundJob;

  constructor(
    jobs: JobScheduler,
    private readonly assets: UnverifiedAssetService,
    private readonly claims: CredentialClaimRepository,
    private readonly versions: CredentialVersionService,
    private readonly whatsapp: WhatsappApi,
    private readonly rateLimiter: AppRateLimiter,
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

  /** Inspects everything that is due. Never throws: what fails is due again in a minute. */
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
    if (credential?.status !== 'active') return this.assets.clearVerification(asset);
    try {
      const token = await this.versions.openCurrent(credential);
      if (token !== null && this.apps.serves(credential))
        await this.rateLimiter.call(credential.appId, 'scheduled', () => this.whatsapp.getAccount(asset.id, token), {
          objectIds: [asset.id],
        });
      await this.assets.clearVerification(asset);
    } catch (error) {
      if (error instanceof MetaError) return this.handleMetaError(asset, credential, error);
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
      // Whether the token is dead is decided by its own inspection; a refusal of the token is none of the account.
      const { kind } = await this.refusals.inspectServing(credential, error, 'scheduled');
      if (kind !== 'unknown') await this.assets.clearVerification(asset);
      return;
    }
    if (verdict.kind !== 'permission' && verdict.kind !== 'parameter') return;
    if (!isRefusalOfAccount(cause)) {
      this.logger.warn(
        { connection_id: asset.connectionId, asset_id: asset.id, meta: cause },
        'Meta refused to show a WhatsApp Business Account for a reason that is not known; the account is kept',
      );
      return this.assets.clearVerification(asset);
    }
    this.logger.warn(
      { connection_id: asset.connectionId, asset_id: asset.id, meta: cause },
      'a WhatsApp Business Account is out of reach',
    );
    await this.assets.removeLost(asset, lostAccessReason(asset, cause));
  }
}

/** No such object for this token (100, 803), or no permission for it. An unknown code takes nothing away. */
function isRefusalOfAccount({ code }: MetaCause): boolean {
  if (code === undefined) return false;
  return ACCOUNT_REFUSALS.has(code) || (code >= 200 && code <= 299);
}

const ACCOUNT_REFUSALS: ReadonlySet<number> = new Set([3, 10, 100, 803, 3962, 131005]);

const WHATSAPP_ACCOUNT_LOST = defineErrorCode('status_reason', {
  code: 'whatsapp_account_lost',
  detail: 'The owner of a WhatsApp Business Account took it away from our app.',
  remedy:
    'Ask the owner, and send them through Embedded Signup again where they want to go on; the connection keeps its id.',
});

function lostAccessReason({ id, reason }: UnverifiedAsset, meta: MetaCause): DeathReason {
  if (reason === PARTNER_REMOVED) return partnerRemovedReason(id, null, meta);
  return {
    ...WHATSAPP_ACCOUNT_LOST,
    detail: `Our app may no longer reach the WhatsApp Business Account ${id}: its owner took the app away.`,
    ...(Object.keys(meta).length === 0 ? {} : { meta }),
  };
}
