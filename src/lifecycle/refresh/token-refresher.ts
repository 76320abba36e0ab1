import { Injectable } from '@nestjs/common';
import { ClaimLostError } from '../../connections/claim-lost-error.ts';
import { CredentialClaimRepository } from '../../connections/credentials/credential-claim.repository.ts';
import { CredentialOutcomeService } from '../../connections/credentials/credential-outcome.service.ts';
import type { ClaimedCredential, PendingVersion } from '../../connections/credentials/credential-snapshot.ts';
import { CredentialVersionService } from '../../connections/credentials/credential-version.service.ts';
import { MetaError } from '../../meta/errors/meta-error.ts';
import { MetaClients } from '../../meta/meta-clients.ts';
import type { GrantedToken } from '../../meta/tokens/granted-token.ts';
import type { DeadTokenInspection } from '../../meta/tokens/inspection-result.ts';
import { tokenKind } from '../../meta/tokens/token-kinds.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { DecryptionError } from '../../vault/sealed-secret.ts';
import {
  type AttemptFailure,
  circuitOpenFailure,
  DECRYPTION_FAILED,
  failLater,
  toAttemptFailure,
} from '../failures/attempt-failure.ts';
import { FAILURES } from '../failures/failure-codes.ts';
import { FailureRecorder } from '../failures/failure-recorder.ts';
import { isUnrelatedToToken, RefusalInspector } from '../inspection/refusal-inspector.ts';
import { AppRateLimiter, CallNotPermittedError, type Urgency } from '../rate-limit/app-rate-limiter.ts';
import { RefreshedTokenPromoter } from './refreshed-token-promoter.ts';

/**
 * `refreshed`: a new version is in use. `failed`: recorded on the credential. `dead`: confirmed. `not_due`: nothing to
 * refresh now. `stopped`: the app is at a rate limit; the claim was released. `lost`: another replica took the claim
 * over.
 */
export type RefreshOutcome = 'refreshed' | 'failed' | 'dead' | 'not_due' | 'stopped' | 'lost';

/** Refreshes tokens of users, system users, Instagram and Threads: exchange, seal, inspect, promote. */
@Injectable()
export class TokenRefresher {
  constructor(
    private readonly claims: CredentialClaimRepository,
    private readonly versions: CredentialVersionService,
    private readonly outcomes: CredentialOutcomeService,
    private readonly meta: MetaClients,
    private readonly promoter: RefreshedTokenPromoter,
    private readonly rateLimiter: AppRateLimiter,
    private readonly failureRecorder: FailureRecorder,
    private readonly refusals: RefusalInspector,
    private readonly clock: Clock,
  ) {}

  /**
   * Refreshes a claimed credential and ends its claim. Throws only errors that neither Meta nor the credential caused.
   */
  async refresh(credential: ClaimedCredential, urgency: Urgency): Promise<RefreshOutcome> {
    try {
      return await this.work(credential, urgency);
    } catch (error) {
      if (error instanceof ClaimLostError) return 'lost';
      if (error instanceof CallNotPermittedError) return this.handleStopped(credential, urgency, error);
      if (error instanceof DecryptionError) return this.fail(credential, DECRYPTION_FAILED);
      if (error instanceof MetaError) return this.fail(credential, toAttemptFailure(error));
      throw error;
    }
  }

  private async work(credential: ClaimedCredential, urgency: Urgency): Promise<RefreshOutcome> {
    if (tokenKind(credential.kind).isDerived || credential.status === 'revoked') return this.recordNotDue(credential);
    const serving = await this.versions.openCurrent(credential);
    if (serving === null) return this.recordNotDue(credential);
    if (credential.pending !== null) return this.verify(credential, credential.pending, serving, urgency);
    if (!isRefreshable(credential)) return this.recordNotDue(credential);
    const eligibleAt = refreshableAt(credential);
    if (eligibleAt > this.clock.now()) return this.fail(credential, TOO_YOUNG, eligibleAt);
    return this.exchange(credential, serving, urgency);
  }

  private async exchange(
    credential: ClaimedCredential,
    serving: SecretString,
    urgency: Urgency,
  ): Promise<RefreshOutcome> {
    let granted: GrantedToken;
    try {
      granted = await this.rateLimiter.call(credential.appId, urgency, () =>
        this.meta.call(credential.appId, ({ oauth }) => oauth.refresh(credential.kind, serving)),
      );
    } catch (error) {
      if (!(error instanceof MetaError)) throw error;
      return this.handleRefusal(credential, serving, urgency, error);
    }
    const reported = {
      expiresAt: granted.expiresAt === 'unknown' ? null : granted.expiresAt,
      scopes: granted.scopes ?? null,
    };
    await this.versions.storePending(credential, granted.accessToken, reported);
    const pending = { version: credential.version + 1, sealed: null, origin: 'refresh' as const, ...reported };
    return this.validateAndPromote(credential, pending, granted.accessToken, serving, urgency);
  }

  /** Continues after a crash or takeover: inspects the pending token instead of exchanging again. */
  private async verify(
    credential: ClaimedCredential,
    pending: PendingVersion,
    serving: SecretString,
    urgency: Urgency,
  ): Promise<RefreshOutcome> {
    let token: SecretString;
    try {
      token = await this.versions.openPending(credential, pending);
    } catch (error) {
      if (!(error instanceof DecryptionError)) throw error;
      // Can't be decrypted, now or later: discard it and exchange again.
      await this.versions.discardPending(credential);
      return this.fail(credential, DECRYPTION_FAILED);
    }
    return this.validateAndPromote(credential, pending, token, serving, urgency);
  }

  private async validateAndPromote(
    credential: ClaimedCredential,
    pending: PendingVersion,
    token: SecretString,
    serving: SecretString,
    urgency: Urgency,
  ): Promise<RefreshOutcome> {
    const isForced = urgency === 'forced';
    const result = await this.promoter.promote({ credential, pending, token, serving, urgency, isForced });
    if (result.kind === 'promoted') return 'refreshed';
    const { inspection, failure } = result;
    if (result.isSameToken && !inspection.valid && inspection.reason === 'dead')
      return this.markDead(credential, inspection);
    return failure === null ? 'failed' : this.fail(credential, failure);
  }

  /**
   * Handles a refused refresh. A confirmed verdict counts. Otherwise, if the error may be about the token, inspects it;
   * a valid token keeps the refusal as its failure.
   */
  private async handleRefusal(
    credential: ClaimedCredential,
    serving: SecretString,
    urgency: Urgency,
    error: MetaError,
  ): Promise<RefreshOutcome> {
    const { verdict } = error;
    if (verdict.kind === 'dead') return this.markDead(credential, { verdict, meta: error.cause });
    if (isUnrelatedToToken(error)) return this.fail(credential, toAttemptFailure(error));
    const finding = await this.refusals.inspect(credential, serving, urgency);
    if (finding.kind === 'dead') return this.markDead(credential, finding.death);
    const outcome = await this.fail(credential, toAttemptFailure(error));
    if (finding.kind === 'unknown') await this.outcomes.requestVerification(credential.id, credential.version);
    return outcome;
  }

  private async markDead(
    credential: ClaimedCredential,
    { verdict, meta }: Pick<DeadTokenInspection, 'verdict' | 'meta'>,
  ): Promise<RefreshOutcome> {
    return (await this.failureRecorder.recordDeath(credential, verdict.reason, meta)) ? 'dead' : 'lost';
  }

  private async fail(
    credential: ClaimedCredential,
    failure: AttemptFailure,
    notBefore: Date | null = null,
  ): Promise<RefreshOutcome> {
    try {
      await this.failureRecorder.recordRefreshFailure(credential, failure, notBefore);
    } catch (error) {
      if (error instanceof ClaimLostError) return 'lost';
      throw error;
    }
    return 'failed';
  }

  private async handleStopped(
    credential: ClaimedCredential,
    urgency: Urgency,
    stopped: CallNotPermittedError,
  ): Promise<RefreshOutcome> {
    if (urgency === 'forced') return this.fail(credential, circuitOpenFailure(stopped), stopped.until);
    await this.claims.release([credential]);
    return 'stopped';
  }

  private async recordNotDue(credential: ClaimedCredential): Promise<RefreshOutcome> {
    await this.outcomes.recordNotDue(credential);
    return 'not_due';
  }
}

const TOO_YOUNG: AttemptFailure = failLater('too_young', FAILURES.too_young.detail);

/** Returns whether a token is refreshed: not without an expiry, and page tokens are derived instead. */
export function isRefreshable({ kind, expiresAt }: Pick<ClaimedCredential, 'kind' | 'expiresAt'>): boolean {
  const { refresh, alwaysExpires } = tokenKind(kind);
  return refresh !== null && (alwaysExpires || expiresAt !== null);
}

/** Returns the earliest time at which Meta refreshes the token. */
export function refreshableAt(credential: Pick<ClaimedCredential, 'kind' | 'issuedAt' | 'storedAt'>): Date {
  const since = credential.issuedAt ?? credential.storedAt;
  return addSeconds(since, tokenKind(credential.kind).minRefreshAgeSeconds);
}
