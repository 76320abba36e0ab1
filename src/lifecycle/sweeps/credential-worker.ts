import { Inject, Injectable } from '@nestjs/common';
import { Config } from '../../config/config.ts';
import { ClaimLost } from '../../connections/authorization/pending-authorization.repository.ts';
import { CredentialClaims } from '../../connections/credentials/credential-claim.repository.ts';
import type { ClaimedCredential } from '../../connections/credentials/credential-snapshot.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { later } from '../failures/attempt-failure.ts';
import { SettleFailure } from '../failures/failure-recorder.ts';
import { CheckCredential, type CheckOutcome } from '../inspection/token-inspector.ts';
import { LifecycleMetrics } from '../lifecycle-metrics.ts';
import type { Urgency } from '../rate-limit/app-rate-limiter.ts';
import { DerivePageTokens } from '../refresh/page-token-deriver.ts';
import { type RenewalOutcome, RenewCredential } from '../refresh/token-refresher.ts';
import { ClaimKeeper } from './claim-heartbeat.ts';

/** Work on claimed credentials, whatever their kind: kept alive while it goes on, given back if it breaks, and counted. */
@Injectable()
export class WorkOnCredential {
  constructor(
    private readonly claims: CredentialClaims,
    private readonly keeper: ClaimKeeper,
    private readonly renewals: RenewCredential,
    private readonly pages: DerivePageTokens,
    private readonly checks: CheckCredential,
    private readonly settle: SettleFailure,
    private readonly metrics: LifecycleMetrics,
    private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  /** Renews a claimed credential; for a page token, all of its connection's that are due, because one list tells them all. */
  async renew(claimed: ClaimedCredential, urgency: Urgency): Promise<RenewalOutcome[]> {
    if (claimed.kind !== 'page') {
      return this.renewing([claimed], async () => [await this.renewals.renew(claimed, urgency)]);
    }
    const siblings = await this.claims.claimPages(claimed.connectionId, this.config.claimSeconds, { dueOnly: true });
    return this.derive([claimed, ...siblings], urgency);
  }

  /** Derives claimed page tokens of one connection. */
  derive(pages: ClaimedCredential[], urgency: Urgency): Promise<RenewalOutcome[]> {
    return this.renewing(pages, () => this.pages.derive(pages, urgency));
  }

  /**
   * Derives what is due of a connection's page tokens, their back-off honoured: those that were just found dead. Where Meta refuses the
   * user token on the way, that is inspected at once: what killed a page token may well have killed it too.
   */
  async deriveDue(connectionId: string, urgency: Urgency): Promise<void> {
    const pages = await this.claims.claimPages(connectionId, this.config.claimSeconds, { dueOnly: true });
    if (pages.length === 0) return;
    const outcomes = await this.derive(pages, urgency);
    if (!outcomes.includes('failed')) return;
    const root = await this.claims.findRoot(connectionId);
    if (root?.status === 'active' && root.health === 'unknown') await this.checkNow(root.id, urgency);
  }

  /** Inspects claimed credentials of one app, up to fifty. */
  async check(claimed: ClaimedCredential[], urgency: Urgency): Promise<CheckOutcome[]> {
    return this.kept(claimed, async () => {
      const outcomes = await this.checks.check(claimed, urgency).catch(async (error: unknown) => {
        for (const one of claimed) await this.broken(one, error, () => this.settle.check(one, BROKEN));
        return claimed.map(() => 'failed' as const);
      });
      for (const outcome of outcomes) this.metrics.checked(outcome);
      return outcomes;
    });
  }

  /** Claims one credential and inspects it now. Null: another replica is at it. */
  async checkNow(credentialId: string, urgency: Urgency): Promise<CheckOutcome | null> {
    const claimed = await this.claims.claimOne(credentialId, this.config.claimSeconds);
    return claimed === null ? null : ((await this.check([claimed], urgency))[0] ?? null);
  }

  /** Claims one credential and renews it now. Null: another replica is at it. */
  async renewNow(credentialId: string, urgency: Urgency): Promise<RenewalOutcome | null> {
    const claimed = await this.claims.claimOne(credentialId, this.config.claimSeconds);
    return claimed === null ? null : ((await this.renew(claimed, urgency))[0] ?? null);
  }

  private renewing(claimed: ClaimedCredential[], work: () => Promise<RenewalOutcome[]>): Promise<RenewalOutcome[]> {
    return this.kept(claimed, async () => {
      const outcomes = await work().catch(async (error: unknown) => {
        for (const one of claimed) await this.broken(one, error, () => this.settle.refresh(one, BROKEN));
        return claimed.map(() => 'failed' as const);
      });
      for (const outcome of outcomes) this.metrics.renewed(claimed[0]?.kind ?? 'user', outcome);
      return outcomes;
    });
  }

  /** The work broke for a reason of ours. It is written down, so that one credential that breaks it each time holds up no others. */
  private async broken(claimed: ClaimedCredential, error: unknown, write: () => Promise<void>): Promise<void> {
    this.logger.error({ err: error, credential_id: claimed.id }, 'work on a credential broke');
    try {
      await write();
    } catch (cause) {
      // The database itself, most likely: the claim runs out, and then another look is taken.
      if (!(cause instanceof ClaimLost)) throw error;
    }
  }

  private async kept<T>(claimed: ClaimedCredential[], work: () => Promise<T>): Promise<T> {
    this.keeper.keep(claimed);
    try {
      return await work();
    } finally {
      for (const claim of claimed) this.keeper.drop(claim);
    }
  }
}

const BROKEN = later('internal_error', 'Something went wrong on our side; the log of the service says what.');
