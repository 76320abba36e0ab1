import { Inject, Injectable } from '@nestjs/common';
import { Config } from '../../config/config.ts';
import { CredentialClaimRepository } from '../../connections/credentials/credential-claim.repository.ts';
import type { ClaimedCredential } from '../../connections/credentials/credential-snapshot.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';

type Claim = Pick<ClaimedCredential, 'id' | 'claimId'>;

/** The signs of life of this replica: while work on a claim goes on, its deadline is moved, three times in the time it lasts. */
@Injectable()
export class ClaimHeartbeat {
  private readonly held = new Map<string, Claim>();
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly claims: CredentialClaimRepository,
    private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  /** Begins to keep claims alive. */
  add(claims: readonly Claim[]): void {
    for (const claim of claims) this.held.set(keyOf(claim), claim);
    if (this.held.size === 0 || this.timer !== null) return;
    this.timer = setInterval(() => void this.extend(), (this.config.claimSeconds * 1000) / 3);
    this.timer.unref();
  }

  /** The work has ended, and with it, in the database, the claim. */
  remove(claim: Claim): void {
    this.held.delete(keyOf(claim));
    if (this.held.size === 0) this.stop();
  }

  private stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
  }

  private async extend(): Promise<void> {
    try {
      await this.claims.extend([...this.held.values()], this.config.claimSeconds);
    } catch (error) {
      // Work that cannot be claimed any longer is fenced off by its claim id; nothing else follows from this.
      this.logger.warn({ err: error, claims: this.held.size }, 'claims could not be extended');
    }
  }
}

function keyOf(claim: Claim): string {
  return `${claim.id} ${claim.claimId}`;
}
