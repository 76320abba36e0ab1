import { Inject, Injectable, type OnApplicationShutdown, type OnModuleDestroy } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { type DoubtedAsset, DoubtedAssets } from '../../connections/assets/unverified-asset.repository.ts';
import type { DeathReason } from '../../connections/connection/connection-status.service.ts';
import { CredentialClaims } from '../../connections/credentials/credential-claim.repository.ts';
import { CredentialVersions } from '../../connections/credentials/credential-version.repository.ts';
import { DiscoveryApi } from '../../meta/assets/discovery-api.ts';
import { MetaError } from '../../meta/errors/meta-error.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import type { MetaCause } from '../../platform/problem.ts';
import { SealBroken } from '../../vault/sealed-secret.ts';
import { settledWithin } from '../drain-with-timeout.ts';
import { AppPace, PaceStopped } from '../rate-limit/app-rate-limiter.ts';

const LOOK_EACH_MS = 60_000;
const BATCH = 20;

/**
 * Looks whether WhatsApp Business Accounts are still within reach where Meta said that something happened to them: a partner that was
 * removed keeps a token that `debug_token` calls valid (META.md 8). Only Meta's own no to the account counts. At the pace of the app, as all
 * work that nobody waits for.
 */
@Injectable()
export class AssetInspection implements OnModuleDestroy, OnApplicationShutdown {
  #underWay: Promise<void> | null = null;
  #stoppingSinceMs: number | null = null;

  constructor(
    private readonly assets: DoubtedAssets,
    private readonly claims: CredentialClaims,
    private readonly versions: CredentialVersions,
    private readonly discovery: DiscoveryApi,
    private readonly pace: AppPace,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  /** Looks at all that is due. Never throws: what fails is due again in a minute. */
  @Interval('doubted-assets', LOOK_EACH_MS)
  look(): Promise<void> {
    this.#underWay ??= this.lookAtAll()
      .catch((error: unknown) => this.logger.error({ err: error }, 'doubted assets could not be looked at'))
      .finally(() => {
        this.#underWay = null;
      });
    return this.#underWay;
  }

  /** Nothing is begun any more. */
  onModuleDestroy(): void {
    this.#stoppingSinceMs = performance.now();
  }

  async onApplicationShutdown(): Promise<void> {
    const underWay = this.#underWay === null ? [] : [this.#underWay];
    await settledWithin(underWay, this.#stoppingSinceMs ?? performance.now());
  }

  private get isStopping(): boolean {
    return this.#stoppingSinceMs !== null;
  }

  private async lookAtAll(): Promise<void> {
    while (!this.isStopping) {
      const due = await this.assets.take(BATCH);
      for (const asset of due) {
        if (this.isStopping) return;
        await this.lookAt(asset);
      }
      if (due.length < BATCH) return;
    }
  }

  private async lookAt(asset: DoubtedAsset): Promise<void> {
    const of = { connection_id: asset.connectionId, asset_id: asset.id };
    try {
      const credential = await this.claims.find(asset.credentialId);
      const token = credential?.status === 'active' ? await this.versions.openServing(credential) : null;
      if (credential !== null && token !== null)
        await this.pace.call(credential.appId, 'scheduled', () => this.discovery.whatsappAccounts(token, [asset.id]));
      await this.assets.settle(asset);
    } catch (error) {
      if (error instanceof MetaError) return this.judge(asset, error);
      if (error instanceof PaceStopped) return;
      if (!(error instanceof SealBroken)) throw error;
      this.logger.warn({ ...of, err: error }, 'the token of a doubted asset does not open');
      await this.assets.settle(asset);
    }
  }

  private async judge(asset: DoubtedAsset, { verdict, cause }: MetaError): Promise<void> {
    // A token that is dead, or may be, is the business of its own inspection, which the same event made due.
    if (verdict.kind === 'dead' || verdict.kind === 'suspect') return this.assets.settle(asset);
    if (verdict.kind !== 'permission' && verdict.kind !== 'parameter') return;
    this.logger.warn(
      { connection_id: asset.connectionId, asset_id: asset.id, meta: cause },
      'a WhatsApp Business Account is out of reach',
    );
    await this.assets.lost(asset, lostReason(asset, cause));
  }
}

function lostReason({ id }: DoubtedAsset, meta: MetaCause): DeathReason {
  return {
    code: 'whatsapp_account_lost',
    detail: `Our app may no longer reach the WhatsApp Business Account ${id}: its owner took the app away.`,
    remedy:
      'Ask the owner, and send them through Embedded Signup again where they want to go on; the connection keeps its id.',
    ...(Object.keys(meta).length === 0 ? {} : { meta }),
  };
}
