import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.ts';
import { CredentialClaimRepository } from '../../connections/credentials/credential-claim.repository.ts';
import type { ClaimedCredential } from '../../connections/credentials/credential-snapshot.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { HOUR_SECONDS } from '../../platform/duration.ts';
import { claimAlternately } from './claim-alternately.ts';
import { RestingSource } from './resting-source.ts';

/** `due`: everything due. `retries`: failed or abandoned work, and tokens that expire before the next scheduled run. */
export type SweepScope = 'due' | 'retries';

/** Claims up to `limit` credentials. `isIdle`: nothing else is claimed, so look everywhere. */
export type RefreshSource = (limit: number, isIdle: boolean) => Promise<ClaimedCredential[]>;

/** Scheduled runs are daily: anything that expires before the next one, plus a margin, can't wait for it. */
const URGENT_SECONDS = 26 * HOUR_SECONDS;

/**
 * Claims what a sweep should refresh, tenants taking turns. Requested rotations and tokens that expire within about a
 * day go first, but never take a whole claim while other work is due.
 */
@Injectable()
export class RefreshClaims {
  private claims = 0;

  constructor(
    private readonly credentials: CredentialClaimRepository,
    private readonly clock: Clock,
    private readonly config: Config,
  ) {}

  /** Returns what one sweep of an app claims. */
  open(appId: string, scope: SweepScope): RefreshSource {
    const { claimSeconds } = this.config;
    const sources = [
      (count: number) => this.credentials.claimRotations(appId, count, claimSeconds),
      (count: number) =>
        this.credentials.claimEnding(appId, count, claimSeconds, addSeconds(this.clock.now(), URGENT_SECONDS)),
      (count: number) =>
        scope === 'due'
          ? this.credentials.claimRefreshes(appId, count, claimSeconds)
          : this.credentials.claimRetries(appId, count, claimSeconds),
    ].map((source) => new RestingSource(source));
    return (limit, isIdle) =>
      claimAlternately(
        sources.map((source) => (count: number) => source.claim(count, isIdle)),
        this.claims++,
        limit,
      );
  }

  /** Claims one credential of an app that expires before `endsBefore` or at an unknown time. Null if there is none. */
  async claimNearExpiry(appId: string, endsBefore: Date): Promise<ClaimedCredential | null> {
    const { claimSeconds } = this.config;
    const [ending] = await this.credentials.claimEnding(appId, 1, claimSeconds, endsBefore);
    if (ending !== undefined) return ending;
    const [unknown] = await this.credentials.claimUnknownEnds(appId, 1, claimSeconds);
    return unknown ?? null;
  }
}
