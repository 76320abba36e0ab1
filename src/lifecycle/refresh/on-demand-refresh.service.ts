import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.ts';
import { connectionNotFound, reauthRequired } from '../../connections/connection/connection-problems.ts';
import { CredentialClaimRepository } from '../../connections/credentials/credential-claim.repository.ts';
import type { CredentialSnapshot } from '../../connections/credentials/credential-snapshot.ts';
import type { CredentialId } from '../../connections/ids.ts';
import { tokenKind } from '../../meta/tokens/token-kinds.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';
import { AppError, defineProblem } from '../../platform/problem.ts';
import { SingleFlight } from '../../platform/single-flight.ts';
import { AppRateLimiter } from '../rate-limit/app-rate-limiter.ts';
import { CredentialWorker } from '../sweeps/credential-worker.ts';
import { CLAIM_POLL_INTERVAL_MS, MAX_CLAIM_WAIT_MS } from './claim-wait.ts';
import { isRefreshable, type RefreshOutcome, refreshableAt } from './token-refresher.ts';

declare module '../../platform/problem.ts' {
  interface ProblemCodes {
    min_valid_unsatisfiable: true;
    refresh_pending: true;
  }
}

export const refreshPending = defineProblem(
  'refresh_pending',
  503,
  'The token must be refreshed first, and the refresh has not succeeded yet.',
  'Retry after the time in Retry-After, or omit min_valid_seconds to get the token with its remaining lifetime.',
);
export const minValidUnsatisfiable = defineProblem(
  'min_valid_unsatisfiable',
  409,
  'No refresh can make the token valid for that long.',
  'Lower min_valid_seconds, or connect again if tokens of this kind are not refreshed.',
);

/**
 * Meta issues at most one fresh token a day; until then it returns the same one (docs/meta-facts.md#exchanging-again).
 */
const META_REFRESH_INTERVAL_SECONDS = DAY_SECONDS;
/** Failures that mean that Meta did not give a longer lifetime. */
const NO_LONGER_LIFETIME_CODES: ReadonlySet<string> = new Set(['renewal_no_longer_life', 'too_young']);

/** Failures of a rotation, whose back-off does not delay a refresh. */
const UNRELATED_TO_REFRESH_CODES: ReadonlySet<string> = new Set([
  'old_token_not_revoked',
  'rotation_expires',
  'rotation_refused',
  'rotation_same_token',
]);

type RefreshDecision = { kind: 'enough' } | { kind: 'refresh' } | { kind: 'refuse'; error: AppError };

/** Ensures that a token is valid for long enough. Refreshes it once for all waiting requests of all replicas. */
@Injectable()
export class OnDemandRefreshService {
  private readonly inFlight = new SingleFlight<void>();

  constructor(
    private readonly claims: CredentialClaimRepository,
    private readonly worker: CredentialWorker,
    private readonly rateLimiter: AppRateLimiter,
    private readonly clock: Clock,
    private readonly config: Config,
  ) {}

  /**
   * Resolves once the serving version is valid for at least `minValidSeconds`. Throws `AppError`: 503 `refresh_pending`
   * with `retryAfterSeconds` (too early to call Meta again, or another replica is refreshing it), 409
   * `min_valid_unsatisfiable`, 409 `reauth_required`, 404 `connection_not_found`.
   */
  async ensure(credentialId: CredentialId, minValidSeconds: number): Promise<void> {
    const until = performance.now() + MAX_CLAIM_WAIT_MS;
    for (;;) {
      const credential = await this.claims.find(credentialId);
      const decision = this.decision(credential, minValidSeconds);
      if (decision.kind === 'enough') return;
      if (decision.kind === 'refuse') throw decision.error;
      // All waiting requests share one refresh; each then checks whether it was enough.
      const isOwner = this.inFlight.find(credentialId) === undefined;
      await this.inFlight.run(credentialId, () => this.refresh(credentialId, minValidSeconds));
      if (performance.now() > until) throw refreshPendingError(2);
      if (!isOwner) continue;
      const after = this.decision(await this.claims.find(credentialId), minValidSeconds);
      if (after.kind === 'enough') return;
      if (after.kind === 'refuse') throw after.error;
      await sleep(CLAIM_POLL_INTERVAL_MS);
    }
  }

  /** Attempts a refresh. Does nothing if another replica holds the claim: the caller checks again. */
  private async refresh(credentialId: CredentialId, minValidSeconds: number): Promise<void> {
    const claimed = await this.claims.claimOne(credentialId, this.config.claimSeconds);
    if (claimed === null) return;
    // Another replica may have refreshed it before our claim.
    if (this.decision(claimed, minValidSeconds).kind !== 'refresh') {
      await this.claims.release([claimed]);
      return;
    }
    const [outcome] = await this.worker.refresh(claimed, 'scheduled');
    await this.refuseIfStopped(outcome, claimed);
  }

  private async refuseIfStopped(outcome: RefreshOutcome | undefined, credential: CredentialSnapshot): Promise<void> {
    if (outcome !== 'stopped') return;
    const allowance = await this.rateLimiter.allowance(credential.appId);
    throw refreshPendingError(allowance.kind === 'stop' ? this.secondsUntil(allowance.until) : 5);
  }

  private decision(credential: CredentialSnapshot | null, minValidSeconds: number): RefreshDecision {
    if (credential === null || credential.status === 'revoked') return refuse(new AppError(connectionNotFound));
    if (credential.status !== 'active' || credential.sealed === null) return refuse(new AppError(reauthRequired));
    const now = this.clock.now();
    const unknownEnd = tokenKind(credential.kind).alwaysExpires;
    if (credential.expiresAt === null ? !unknownEnd : credential.expiresAt >= addSeconds(now, minValidSeconds)) {
      return { kind: 'enough' };
    }
    if (!isRefreshable(credential)) return unsatisfiable('Tokens of this kind are not refreshed.');
    if (refreshableAt(credential) > now)
      return unsatisfiable('Instagram and Threads refresh tokens only once they are 24 hours old.');
    if (this.isMaxLifetimeExceeded(credential, minValidSeconds, now))
      return unsatisfiable('The last refresh gave a shorter lifetime.');
    return this.decideByBackOff(credential, now);
  }

  private decideByBackOff({ failure }: CredentialSnapshot, now: Date): RefreshDecision {
    const nextAttemptAt = failure?.next_attempt_at == null ? null : new Date(failure.next_attempt_at);
    if (failure === null || nextAttemptAt === null || nextAttemptAt <= now) return { kind: 'refresh' };
    if (UNRELATED_TO_REFRESH_CODES.has(failure.code)) return { kind: 'refresh' };
    if (NO_LONGER_LIFETIME_CODES.has(failure.code)) return unsatisfiable(failure.detail);
    return refuse(
      new AppError(refreshPending, {
        detail: failure.detail,
        retryAfterSeconds: this.secondsUntil(nextAttemptAt),
        ...(failure.meta === undefined ? {} : { meta: failure.meta }),
      }),
    );
  }

  private isMaxLifetimeExceeded(
    { lastRefreshedAt, expiresAt }: CredentialSnapshot,
    minValidSeconds: number,
    now: Date,
  ): boolean {
    if (lastRefreshedAt === null || lastRefreshedAt <= addSeconds(now, -META_REFRESH_INTERVAL_SECONDS)) return false;
    return expiresAt === null || expiresAt < addSeconds(lastRefreshedAt, minValidSeconds);
  }

  private secondsUntil(instant: Date): number {
    return Math.max(1, Math.ceil((instant.getTime() - this.clock.now().getTime()) / 1000));
  }
}

function refuse(error: AppError): RefreshDecision {
  return { kind: 'refuse', error };
}

function unsatisfiable(detail: string): RefreshDecision {
  return refuse(new AppError(minValidUnsatisfiable, { detail }));
}

function refreshPendingError(retryAfterSeconds: number): AppError {
  return new AppError(refreshPending, { retryAfterSeconds });
}
