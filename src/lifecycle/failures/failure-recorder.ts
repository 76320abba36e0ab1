import { Inject, Injectable } from '@nestjs/common';
import { Config } from '../../config/config.ts';
import { ConnectionStatusService } from '../../connections/connection/connection-status.service.ts';
import type { Health } from '../../connections/credentials/credential-kind.ts';
import {
  CredentialOutcomeService,
  type FailedAttempt,
} from '../../connections/credentials/credential-outcome.service.ts';
import type { ClaimedCredential, CredentialSnapshot } from '../../connections/credentials/credential-snapshot.ts';
import type { DeadReason } from '../../meta/errors/classify-error.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import type { MetaCause } from '../../platform/problem.ts';
import { Random } from '../../platform/random.ts';
import { AppRateLimiter } from '../rate-limit/app-rate-limiter.ts';
import { type AttemptFailure, DECRYPTION_FAILED } from './attempt-failure.ts';
import { isRecoverable, toDeathReason } from './death-reason.ts';
import { nextAttemptAt } from './next-attempt.ts';

/**
 * Records failures with their next attempt, and confirmed deaths. Each call ends the claim. Throws `ClaimLostError`.
 */
@Injectable()
export class FailureRecorder {
  constructor(
    private readonly outcomes: CredentialOutcomeService,
    private readonly connectionStatusService: ConnectionStatusService,
    private readonly rateLimiter: AppRateLimiter,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  /** Records a failed refresh or derivation. `notBefore`: earliest useful retry. */
  async recordRefreshFailure(
    credential: ClaimedCredential,
    failure: AttemptFailure,
    notBefore: Date | null = null,
  ): Promise<void> {
    const now = this.clock.now();
    const backOff = nextAttemptAt({
      now,
      attempts: credential.failureAttempts + 1,
      retryClass:
        failure.retryClass === 'soon' && this.rateLimiter.isDown(credential.appId) ? 'outage' : failure.retryClass,
      expiresAt: credential.expiresAt,
      retryAfterSeconds: failure.retryAfterSeconds,
      fraction: this.random.fraction(),
    });
    const next = notBefore !== null && notBefore > backOff ? notBefore : backOff;
    // A token that is not on the schedule is not retried.
    const nextAttempt = credential.refreshAfter === null || credential.status !== 'active' ? null : next;
    this.logger.warn(
      { credential_id: credential.id, code: failure.code, next_attempt_at: nextAttempt },
      'a refresh failed',
    );
    await this.outcomes.recordFailure(credential, {
      operation: 'refresh',
      failure: toFailureRecord(failure),
      nextAttemptAt: nextAttempt,
      health: failure.code === DECRYPTION_FAILED.code ? 'unknown' : this.healthOf(credential, now),
    });
  }

  /**
   * Records a failed rotation. Scheduled and pending rotations are retried after a back-off; requested ones are not.
   */
  async recordRotationFailure(
    credential: ClaimedCredential,
    failure: AttemptFailure,
    { isPending }: { isPending: boolean },
  ): Promise<void> {
    const now = this.clock.now();
    const next = nextAttemptAt({
      now,
      attempts: credential.failureAttempts + 1,
      retryClass:
        failure.retryClass === 'soon' && this.rateLimiter.isDown(credential.appId) ? 'outage' : failure.retryClass,
      expiresAt: credential.expiresAt,
      retryAfterSeconds: failure.retryAfterSeconds,
      fraction: this.random.fraction(),
    });
    const isRequested = credential.rotationRequest !== null;
    this.logger.warn(
      { credential_id: credential.id, code: failure.code, next_attempt_at: isRequested && !isPending ? null : next },
      'a rotation failed',
    );
    await this.outcomes.recordRotationFailure(credential, {
      failure: toFailureRecord(failure),
      rotationDueAt: isRequested && isPending ? next : null,
      refreshDueAt: isRequested ? null : next,
      ...(failure.code === DECRYPTION_FAILED.code ? { health: 'unknown' as const } : {}),
    });
  }

  /** Records a failed inspection. */
  async recordCheckFailure(credential: ClaimedCredential, failure: AttemptFailure): Promise<void> {
    const next = nextAttemptAt({
      now: this.clock.now(),
      attempts: (credential.failure?.attempts ?? 0) + 1,
      retryClass: failure.retryClass,
      expiresAt: null,
      retryAfterSeconds: failure.retryAfterSeconds,
      fraction: 0.5 + this.random.fraction() / 2,
    });
    const code = failure.code === 'app_not_configured' ? failure.code : 'check_failed';
    const record: FailedAttempt['failure'] = { ...toFailureRecord(failure), code };
    await this.outcomes.recordFailure(credential, { operation: 'check', failure: record, nextAttemptAt: next });
  }

  /** Records that the serving token of a root credential is dead. Returns whether the version was still serving. */
  async recordDeath(credential: CredentialSnapshot, reason: DeadReason, meta: MetaCause): Promise<boolean> {
    const isMarkedDead = await this.connectionStatusService.markReauthRequired(
      credential,
      toDeathReason(reason, meta),
      {
        isRecoverable: isRecoverable(reason),
      },
    );
    if (isMarkedDead) {
      const of = { connection_id: credential.connectionId, credential_id: credential.id };
      this.logger.warn({ ...of, reason, meta }, 'a token is dead: the connection needs a new login');
    }
    return isMarkedDead;
  }

  /** Returns the health of a live token by its expiry. */
  healthOf(credential: Pick<CredentialSnapshot, 'expiresAt' | 'health'>, now: Date): Health {
    if (credential.health === 'invalid') return 'invalid';
    const { expiresAt } = credential;
    if (expiresAt === null) return credential.health;
    return expiresAt <= addSeconds(now, this.config.refreshBeforeExpirySeconds) ? 'expiring' : credential.health;
  }
}

function toFailureRecord({ code, detail, meta }: AttemptFailure): FailedAttempt['failure'] {
  return { code, detail, ...(meta === undefined ? {} : { meta }) };
}
