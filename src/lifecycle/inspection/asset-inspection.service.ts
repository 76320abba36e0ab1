import { Inject, Injectable, type OnApplicationShutdown, type OnModuleDestroy } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import {
  type UnverifiedAsset,
  UnverifiedAssetRepository,
} from '../../connections/assets/unverified-asset.repository.ts';
import type { DeathReason } from '../../connections/connection/connection-status.service.ts';
import { CredentialClaimRepository } from '../../connections/credentials/credential-claim.repository.ts';
import { CredentialVersionRepository } from '../../connections/credentials/credential-version.repository.ts';
import { DiscoveryApi } from '../../meta/assets/discovery-api.ts';
import { MetaError } from '../../meta/errors/meta-error.ts';
import { defineErrorCode } from '../../platform/error-code.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import type { MetaCause } from '../../platform/problem.ts';
import { DecryptionError } from '../../vault/sealed-secret.ts';
import { drainWithTimeout } from '../drain-with-timeout.ts';
import { AppRateLimiter, CallNotPermittedError } from '../rate-limit/app-rate-limiter.ts';

const POLL_INTERVAL_MS = 60_000;
const BATCH = 20;

/**
 * Looks whether WhatsApp Business Accounts are still within reach where Meta said that something happened to them: a partner that was
 * removed keeps a token that `debug_token` calls valid (META.md 8). Only Meta's own no to the account counts. At the pace of the app, as all
 * work that nobody waits for.
 */
@Injectable()
export class AssetInspectionService implements OnModuleDestroy, OnApplicationShutdown {
  #inProgress: Promise<void> | null = null;
  #stoppingSinceMs: number | null = null;

  constructor(
    private readonly assets: UnverifiedAssetRepository,
    private readonly claims: CredentialClaimRepository,
    private readonly versions: CredentialVersionRepository,
    private readonly discovery: DiscoveryApi,
    private readonly rateLimiter: AppRateLimiter,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  /** Looks at all that is due. Never throws: what fails is due again in a minute. */
  @Interval('unverified-assets', POLL_INTERVAL_MS)
  inspectDue(): Promise<void> {
    this.#inProgress ??= this.inspectAllDue()
      .catch((error: unknown) => this.logger.error({ err: error }, 'unverified assets could not be inspected'))
      .finally(() => {
        this.#inProgress = null;
      });
    return this.#inProgress;
  }

  /** Nothing is begun any more. */
  onModuleDestroy(): void {
    this.#stoppingSinceMs = performance.now();
  }

  async onApplicationShutdown(): Promise<void> {
    const underWay = this.#inProgress === null ? [] : [this.#inProgress];
    await drainWithTimeout(underWay, this.#stoppingSinceMs ?? performance.now());
  }

  private get isStopping(): boolean {
    return this.#stoppingSinceMs !== null;
  }

  private async inspectAllDue(): Promise<void> {
    while (!this.isStopping) {
      const due = await this.assets.claimDue(BATCH);
      for (const asset of due) {
        if (this.isStopping) return;
        await this.inspectAsset(asset);
      }
      if (due.length < BATCH) return;
    }
  }

  private async inspectAsset(asset: UnverifiedAsset): Promise<void> {
    const of = { connection_id: asset.connectionId, asset_id: asset.id };
    try {
      const credential = await this.claims.find(asset.credentialId);
      const token = credential?.status === 'active' ? await this.versions.openCurrent(credential) : null;
      if (credential !== null && token !== null)
        await this.rateLimiter.call(credential.appId, 'scheduled', () =>
          this.discovery.listWhatsappAccounts(token, [asset.id]),
        );
      await this.assets.clearVerification(asset);
    } catch (error) {
      if (error instanceof MetaError) return this.handleMetaError(asset, error);
      if (error instanceof CallNotPermittedError) return;
      if (!(error instanceof DecryptionError)) throw error;
      this.logger.warn({ ...of, err: error }, 'the token of an unverified asset cannot be decrypted');
      await this.assets.clearVerification(asset);
    }
  }

  private async handleMetaError(asset: UnverifiedAsset, { verdict, cause }: MetaError): Promise<void> {
    // A token that is dead, or may be, is the business of its own inspection, which the same event made due.
    if (verdict.kind === 'dead' || verdict.kind === 'suspect') return this.assets.clearVerification(asset);
    if (verdict.kind !== 'permission' && verdict.kind !== 'parameter') return;
    this.logger.warn(
      { connection_id: asset.connectionId, asset_id: asset.id, meta: cause },
      'a WhatsApp Business Account is out of reach',
    );
    await this.assets.removeLost(asset, lostAccessReason(asset, cause));
  }
}

const WHATSAPP_ACCOUNT_LOST = defineErrorCode('status_reason', {
  code: 'whatsapp_account_lost',
  detail: 'The owner of a WhatsApp Business Account took it away from our app.',
  remedy:
    'Ask the owner, and send them through Embedded Signup again where they want to go on; the connection keeps its id.',
});

function lostAccessReason({ id }: UnverifiedAsset, meta: MetaCause): DeathReason {
  return {
    ...WHATSAPP_ACCOUNT_LOST,
    detail: `Our app may no longer reach the WhatsApp Business Account ${id}: its owner took the app away.`,
    ...(Object.keys(meta).length === 0 ? {} : { meta }),
  };
}
