import { Inject, Injectable } from '@nestjs/common';
import { Config } from '../../config/config.ts';
import { ClaimLostError } from '../../connections/claim-lost-error.ts';
import { CredentialClaimRepository } from '../../connections/credentials/credential-claim.repository.ts';
import type { ClaimedCredential } from '../../connections/credentials/credential-snapshot.ts';
import type { ConnectionId, CredentialId } from '../../connections/ids.ts';
import { RollbackDetector } from '../../connections/rollback/rollback-detector.ts';
import { MetaApps } from '../../meta/meta-apps.ts';
import { tokenKind } from '../../meta/tokens/token-kinds.ts';
import { Clock } from '../../platform/clock.ts';
import { ClaimHeartbeat } from '../../platform/jobs/claim-heartbeat.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { ActivityRecorder } from '../activity/activity-recorder.ts';
import { appNotConfiguredFailure, failLater } from '../failures/attempt-failure.ts';
import { FailureRecorder } from '../failures/failure-recorder.ts';
import { type CheckOutcome, TokenInspector } from '../inspection/token-inspector.ts';
import type { Urgency } from '../rate-limit/app-rate-limiter.ts';
import { PageTokenDeriver } from '../refresh/page-token-deriver.ts';
import { type RefreshOutcome, TokenRefresher } from '../refresh/token-refresher.ts';
import { isRotationDue } from '../rotation/rotation-plan.ts';
import { TokenRotator } from '../rotation/token-rotator.ts';

/** Works on claimed credentials of any kind: keeps claims alive, releases them on failure, and counts outcomes. */
@Injectable()
export class CredentialWorker {
  private readonly heartbeat: ClaimHeartbeat<ClaimedCredential>;

  constructor(
    private readonly claims: CredentialClaimRepository,
    private readonly refresher: TokenRefresher,
    private readonly rotator: TokenRotator,
    private readonly pages: PageTokenDeriver,
    private readonly inspector: TokenInspector,
    private readonly failureRecorder: FailureRecorder,
    private readonly rollbacks: RollbackDetector,
    private readonly activity: ActivityRecorder,
    private readonly clock: Clock,
    private readonly config: Config,
    private readonly apps: MetaApps,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {
    this.heartbeat = new ClaimHeartbeat<ClaimedCredential>({
      claimSeconds: config.claimSeconds,
      extend: (held) => claims.extend(held, config.claimSeconds),
      logger,
    });
  }

  /**
   * Refreshes or rotates a claimed credential, unless its app is not configured. For a page token, derives all that are
   * due of its connection, because one call returns them.
   */
  async refresh(claimed: ClaimedCredential, urgency: Urgency): Promise<RefreshOutcome[]> {
    if (!(await this.apps.serves(claimed))) return this.failUnserved([claimed]);
    if (!tokenKind(claimed.kind).isDerived) {
      const renew = (work: () => Promise<RefreshOutcome>) => async (): Promise<RefreshOutcome[]> => [
        (await this.checkInstead(claimed, urgency)) ?? (await work()),
      ];
      return isRotationDue(claimed, this.config, this.clock.now())
        ? this.trackRefresh(
            [claimed],
            renew(() => this.rotator.rotate(claimed, urgency)),
            ROTATION,
          )
        : this.trackRefresh(
            [claimed],
            renew(() => this.refresher.refresh(claimed, urgency)),
          );
    }
    const siblings = await this.claims.claimPageTokens(claimed.connectionId, this.config.claimSeconds, {
      dueOnly: true,
    });
    return this.derive([claimed, ...siblings], urgency);
  }

  /** Derives claimed page tokens of one connection. */
  async derive(pages: ClaimedCredential[], urgency: Urgency): Promise<RefreshOutcome[]> {
    for (const page of pages) if (!(await this.apps.serves(page))) return this.failUnserved(pages);
    return this.trackRefresh(pages, async () => {
      // A rolled-back Page row gets a fresh token either way, which repairs it.
      const { credentials } = await this.rollbacks.examine(pages);
      const derived = await this.pages.derive(credentials, urgency);
      return [...derived, ...Array<RefreshOutcome>(pages.length - credentials.length).fill('lost')];
    });
  }

  /**
   * Derives the page tokens of a connection that are due and not backing off, such as those just found dead. If Meta
   * refuses the user token, inspects it: what killed a page token may have killed it as well.
   */
  async deriveDue(connectionId: ConnectionId, urgency: Urgency): Promise<void> {
    const pages = await this.claims.claimPageTokens(connectionId, this.config.claimSeconds, { dueOnly: true });
    if (pages.length === 0) return;
    const outcomes = await this.derive(pages, urgency);
    if (!outcomes.includes('failed')) return;
    const root = await this.claims.findRoot(connectionId);
    if (root?.status === 'active' && root.health === 'unknown') await this.checkNow(root.id, urgency);
  }

  /** Inspects claimed credentials of one app, up to fifty. */
  async check(claimed: ClaimedCredential[], urgency: Urgency): Promise<CheckOutcome[]> {
    return this.heartbeat.during(claimed, async () => {
      const isServed = await Promise.all(claimed.map((one) => this.apps.serves(one)));
      const served = claimed.filter((_, index) => isServed[index]);
      const checked = served.length === 0 ? [] : await this.checkServed(served, urgency);
      const results = new Map(served.map((one, index) => [one, checked[index]]));
      const outcomes: CheckOutcome[] = [];
      for (const one of claimed) outcomes.push(results.get(one) ?? (await this.failUnservedCheck(one)));
      this.activity.recordChecks(claimed, outcomes);
      return outcomes;
    });
  }

  /**
   * Inspects a rolled-back credential instead of refreshing it: Meta's verdict decides, and the next sweep refreshes
   * it. Null if it was not rolled back.
   */
  private async checkInstead(claimed: ClaimedCredential, urgency: Urgency): Promise<RefreshOutcome | null> {
    const { credentials, suspects } = await this.rollbacks.examineOne(claimed);
    if (credentials.length > 0 && !suspects.has(claimed.id)) return null;
    const [outcome = 'lost'] = await this.check(credentials, urgency);
    return outcome === 'alive' || outcome === 'to_be_derived' ? 'not_due' : outcome;
  }

  /** Inspects the given rows as stored; `lost`: the connection turned out to be revoked. */
  private async inspect(served: ClaimedCredential[], urgency: Urgency): Promise<CheckOutcome[]> {
    const { credentials } = await this.rollbacks.examine(served);
    const outcomes = credentials.length === 0 ? [] : await this.inspector.check(credentials, urgency);
    const results = new Map(credentials.map(({ id }, index) => [id, outcomes[index]]));
    return served.map(({ id }) => results.get(id) ?? 'lost');
  }

  private checkServed(served: ClaimedCredential[], urgency: Urgency): Promise<CheckOutcome[]> {
    return this.inspect(served, urgency).catch(async (error: unknown) => {
      for (const one of served)
        await this.recordInternalError(one, error, () => this.failureRecorder.recordCheckFailure(one, BROKEN));
      return served.map(() => 'failed' as const);
    });
  }

  private failUnservedCheck(one: ClaimedCredential): Promise<'failed' | 'lost'> {
    return failedUnlessLost(() => this.failureRecorder.recordCheckFailure(one, appNotConfiguredFailure(one)));
  }

  /** Claims one credential and inspects it now. Returns null if another replica holds it. */
  async checkNow(credentialId: CredentialId, urgency: Urgency): Promise<CheckOutcome | null> {
    const claimed = await this.claims.claimOne(credentialId, this.config.claimSeconds);
    return claimed === null ? null : ((await this.check([claimed], urgency))[0] ?? null);
  }

  /** Claims one credential and refreshes it now. Returns null if another replica holds it. */
  async refreshNow(credentialId: CredentialId, urgency: Urgency): Promise<RefreshOutcome | null> {
    const claimed = await this.claims.claimOne(credentialId, this.config.claimSeconds);
    return claimed === null ? null : ((await this.refresh(claimed, urgency))[0] ?? null);
  }

  /** Fails credentials whose app is not configured: only their own app may ask Meta about them. */
  private async failUnserved(claimed: readonly ClaimedCredential[]): Promise<RefreshOutcome[]> {
    const outcomes: RefreshOutcome[] = [];
    for (const one of claimed) {
      const failure = appNotConfiguredFailure(one);
      const isPending = one.pending !== null;
      const record = () =>
        isRotationDue(one, this.config, this.clock.now())
          ? this.failureRecorder.recordRotationFailure(one, failure, { isPending })
          : this.failureRecorder.recordRefreshFailure(one, failure);
      outcomes.push(await failedUnlessLost(record));
    }
    this.activity.recordRefreshes(claimed, outcomes);
    return outcomes;
  }

  private trackRefresh(
    claimed: ClaimedCredential[],
    work: () => Promise<RefreshOutcome[]>,
    operation: 'refresh' | 'rotation' = 'refresh',
  ): Promise<RefreshOutcome[]> {
    return this.heartbeat.during(claimed, async () => {
      const outcomes = await work().catch(async (error: unknown) => {
        for (const one of claimed)
          await this.recordInternalError(one, error, () =>
            operation === ROTATION
              ? this.failureRecorder.recordRotationFailure(one, BROKEN, { isPending: one.pending !== null })
              : this.failureRecorder.recordRefreshFailure(one, BROKEN),
          );
        return claimed.map(() => 'failed' as const);
      });
      if (operation === ROTATION) this.activity.recordRotations(claimed, outcomes);
      else this.activity.recordRefreshes(claimed, outcomes);
      return outcomes;
    });
  }

  /** Records a bug as a failure, so that one credential does not block the others. */
  private async recordInternalError(
    claimed: ClaimedCredential,
    error: unknown,
    write: () => Promise<void>,
  ): Promise<void> {
    this.logger.error({ err: error, credential_id: claimed.id }, 'work on a credential failed unexpectedly');
    try {
      await write();
    } catch (cause) {
      // The database is probably unreachable: the work is retried when the claim expires.
      if (!(cause instanceof ClaimLostError)) throw error;
    }
  }
}

async function failedUnlessLost(record: () => Promise<void>): Promise<'failed' | 'lost'> {
  try {
    await record();
    return 'failed';
  } catch (error) {
    if (error instanceof ClaimLostError) return 'lost';
    throw error;
  }
}

const ROTATION = 'rotation';
const BROKEN = failLater('internal_error', 'Something went wrong on our side; see the log of the service.');
