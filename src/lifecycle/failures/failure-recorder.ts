import { Inject, Injectable } from '@nestjs/common';
import { Config } from '../../config/config.ts';
import { ConnectionVerdicts } from '../../connections/connection/connection-status.service.ts';
import type { Health } from '../../connections/credentials/credential-kind.ts';
import { CredentialOutcomes } from '../../connections/credentials/credential-outcome.repository.ts';
import type { ClaimedCredential, CredentialAtWork } from '../../connections/credentials/credential-snapshot.ts';
import type { DeadReason } from '../../meta/errors/classify-error.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import type { MetaCause } from '../../platform/problem.ts';
import { Random } from '../../platform/random.ts';
import { AppPace } from '../rate-limit/app-rate-limiter.ts';
import type { Failure } from './attempt-failure.ts';
import { deathReason, mayComeBack } from './death-reason.ts';
import { nextAttemptAt } from './next-attempt.ts';

/** Writes down how work failed, with the next attempt; and confirmed deaths. All of it ends the claim. Throws `ClaimLost`. */
@Injectable()
export class SettleFailure {
  constructor(
    private readonly outcomes: CredentialOutcomes,
    private readonly verdicts: ConnectionVerdicts,
    private readonly pace: AppPace,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  /** A renewal (or a derivation) failed. `notBefore`: the attempt is of no use earlier. */
  async refresh(credential: ClaimedCredential, failure: Failure, notBefore: Date | null = null): Promise<void> {
    const now = this.clock.now();
    const backOff = nextAttemptAt({
      now,
      attempts: credential.failureAttempts + 1,
      patience: failure.patience === 'soon' && this.pace.isDown(credential.appId) ? 'outage' : failure.patience,
      expiresAt: credential.expiresAt,
      retryAfterSeconds: failure.retryAfterSeconds,
      fraction: this.random.fraction(),
    });
    const next = notBefore !== null && notBefore > backOff ? notBefore : backOff;
    // A token that is never renewed by itself gets no attempts by a failure of one that was asked for.
    const nextAttempt = credential.refreshAfter === null || credential.status !== 'active' ? null : next;
    this.logger.warn(
      { credential_id: credential.id, code: failure.code, next_attempt_at: nextAttempt },
      'a renewal failed',
    );
    await this.outcomes.failed(credential, {
      work: 'refresh',
      failure: toRecord(failure),
      nextAttemptAt: nextAttempt,
      health: failure.code === 'seal_broken' ? 'unknown' : this.healthOf(credential, now),
    });
  }

  /** An inspection could not be had. */
  async check(credential: ClaimedCredential, failure: Failure): Promise<void> {
    const next = nextAttemptAt({
      now: this.clock.now(),
      attempts: (credential.failure?.attempts ?? 0) + 1,
      patience: failure.patience,
      expiresAt: null,
      retryAfterSeconds: failure.retryAfterSeconds,
      fraction: 0.5 + this.random.fraction() / 2,
    });
    const record = { ...toRecord(failure), code: 'check_failed' };
    await this.outcomes.failed(credential, { work: 'check', failure: record, nextAttemptAt: next });
  }

  /** A confirmed verdict on the serving token of a root credential. True where it struck. */
  async dead(credential: CredentialAtWork, reason: DeadReason, meta: MetaCause): Promise<boolean> {
    const struck = await this.verdicts.died(credential, deathReason(reason, meta), {
      mayComeBack: mayComeBack(reason),
    });
    if (struck) {
      const of = { connection_id: credential.connectionId, credential_id: credential.id };
      this.logger.warn({ ...of, reason, meta }, 'a token is dead: the connection needs a new login');
    }
    return struck;
  }

  /** What a living token's health is by its end. */
  healthOf(credential: Pick<CredentialAtWork, 'expiresAt' | 'health'>, now: Date): Health {
    if (credential.health === 'invalid') return 'invalid';
    const { expiresAt } = credential;
    if (expiresAt === null) return credential.health;
    return expiresAt <= addSeconds(now, this.config.refreshBeforeExpirySeconds) ? 'expiring' : credential.health;
  }
}

function toRecord({ code, detail, meta }: Failure): { code: string; detail: string; meta?: MetaCause } {
  return { code, detail, ...(meta === undefined ? {} : { meta }) };
}
