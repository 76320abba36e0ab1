import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.ts';
import { CredentialClaimRepository } from '../../connections/credentials/credential-claim.repository.ts';
import type { ClaimedCredential } from '../../connections/credentials/credential-snapshot.ts';
import type { ConnectionId, CredentialId } from '../../connections/ids.ts';
import { tokenKind } from '../../meta/tokens/token-kinds.ts';
import { CredentialWorker } from '../sweeps/credential-worker.ts';
import { CLAIM_POLL_INTERVAL_MS, MAX_CLAIM_WAIT_MS } from './claim-wait.ts';
import { isRefreshable } from './token-refresher.ts';

const CHECK_BATCH = 50;

/** Refreshes or inspects a whole connection on request. Records failures on the credentials instead of throwing. */
@Injectable()
export class ManualRefreshService {
  constructor(
    private readonly claims: CredentialClaimRepository,
    private readonly worker: CredentialWorker,
    private readonly config: Config,
  ) {}

  /**
   * Refreshes the root and derives the page tokens, due or not and ignoring back-off. Inspects tokens that are never
   * refreshed and those of a dead connection instead. Work that another replica is doing counts for this request.
   */
  async refresh(connectionId: ConnectionId): Promise<void> {
    const root = await this.claims.findRoot(connectionId);
    if (root === null) return;
    const claimed = await this.claim(root.id);
    // Another replica refreshed it while we waited for the claim.
    const doneMeanwhile = claimed !== null && claimed.version !== root.version;
    if (claimed !== null) {
      if (doneMeanwhile) await this.claims.release([claimed]);
      else if (isRefreshable(claimed) || claimed.pending !== null) await this.worker.refresh(claimed, 'forced');
      else await this.worker.check([claimed], 'forced');
    }
    const after = await this.claims.findRoot(connectionId);
    if (after?.status !== 'active' || !tokenKind(after.kind).derivesPageTokens) return;
    const pages = await this.claims.claimPageTokens(connectionId, this.config.claimSeconds, { dueOnly: false });
    if (pages.length > 0) await this.worker.derive(pages, 'forced');
  }

  /** Inspects all credentials. Derives dead page tokens again if the user token is valid. */
  async check(connectionId: ConnectionId): Promise<void> {
    const ids = await this.claims.listCredentialIds(connectionId);
    for (let start = 0; start < ids.length; start += CHECK_BATCH) {
      const batch: ClaimedCredential[] = [];
      for (const id of ids.slice(start, start + CHECK_BATCH)) {
        const claimed = await this.claim(id);
        if (claimed !== null) batch.push(claimed);
      }
      if (batch.length === 0) continue;
      const outcomes = await this.worker.check(batch, 'forced');
      for (const [index, outcome] of outcomes.entries()) {
        const id = batch[index]?.id;
        if (outcome === 'to_be_derived' && id !== undefined) await this.worker.refreshNow(id, 'forced');
      }
    }
  }

  private async claim(credentialId: CredentialId): Promise<ClaimedCredential | null> {
    const until = performance.now() + MAX_CLAIM_WAIT_MS;
    for (;;) {
      const claimed = await this.claims.claimOne(credentialId, this.config.claimSeconds);
      if (claimed !== null || performance.now() > until) return claimed;
      await sleep(CLAIM_POLL_INTERVAL_MS);
    }
  }
}
