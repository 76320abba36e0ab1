import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.ts';
import { CredentialClaimRepository } from '../../connections/credentials/credential-claim.repository.ts';
import type { ClaimedCredential } from '../../connections/credentials/credential-snapshot.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { HOUR_SECONDS } from '../../platform/duration.ts';
import { type ClaimSource, claimAlternately } from './claim-alternately.ts';

/** `due`: all that is due. `retries`: what failed or was left behind, and what would end before the schedule comes round. */
export type SweepScope = 'due' | 'retries';

/** The schedule comes once a day; what ends before it came again, and a little later, cannot wait for it. */
const URGENT_SECONDS = 26 * HOUR_SECONDS;

/**
 * Claims what a sweep is to refresh, all of it by tenant in turn. Rotations that somebody asked for and waits for, and tokens that end
 * within about a day, come before their turn, but never take all of a claim while there is other work.
 */
@Injectable()
export class RefreshClaims {
  private claims = 0;

  constructor(
    private readonly credentials: CredentialClaimRepository,
    private readonly clock: Clock,
    private readonly config: Config,
  ) {}

  /** Up to `limit` credentials of one app. */
  claim(appId: string, limit: number, scope: SweepScope): Promise<ClaimedCredential[]> {
    const { claimSeconds } = this.config;
    const endsBefore = addSeconds(this.clock.now(), URGENT_SECONDS);
    const sources: ClaimSource<ClaimedCredential>[] = [
      (count) => this.credentials.claimRotations(appId, count, claimSeconds),
      (count) => this.credentials.claimEnding(appId, count, claimSeconds, endsBefore),
      (count) =>
        scope === 'due'
          ? this.credentials.claimRefreshes(appId, count, claimSeconds)
          : this.credentials.claimRetries(appId, count, claimSeconds),
    ];
    return claimAlternately(sources, this.claims++, limit);
  }

  /** One credential of an app that ends before `endsBefore`, or at a time that Meta has not named. Null: there is none. */
  async claimNearExpiry(appId: string, endsBefore: Date): Promise<ClaimedCredential | null> {
    const { claimSeconds } = this.config;
    const [ending] = await this.credentials.claimEnding(appId, 1, claimSeconds, endsBefore);
    if (ending !== undefined) return ending;
    const [unknown] = await this.credentials.claimUnknownEnds(appId, 1, claimSeconds);
    return unknown ?? null;
  }
}
