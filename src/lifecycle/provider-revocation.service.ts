import { Inject, Injectable } from '@nestjs/common';
import { type Actor, SYSTEM } from '../audit/actor.ts';
import { Config } from '../config/config.ts';
import { ClaimLostError } from '../connections/claim-lost-error.ts';
import type { ConnectionId } from '../connections/ids.ts';
import { PendingRevocationService } from '../connections/revocation/pending-revocation.service.ts';
import { type ClaimedRevocation } from '../connections/revocation/provider-revocation.repository.ts';
import type { ProviderRevocationStatus } from '../connections/status/connection-status.ts';
import { MetaError } from '../meta/errors/meta-error.ts';
import { MetaClients } from '../meta/meta-clients.ts';
import { Clock } from '../platform/clock.ts';
import { LOGGER, type Pino } from '../platform/logger.ts';
import { Random } from '../platform/random.ts';
import type { SecretString } from '../platform/secret-string.ts';
import { settleWithin } from '../platform/settle-within.ts';
import { DecryptionError } from '../vault/sealed-secret.ts';
import { toAttemptFailure } from './failures/attempt-failure.ts';
import { nextAttemptAt, type RetryClass } from './failures/next-attempt.ts';
import { RefusalInspector } from './inspection/refusal-inspector.ts';
import { AppRateLimiter, CallNotPermittedError, type Urgency } from './rate-limit/app-rate-limiter.ts';

/** How long a request waits for the outcome. */
const MAX_WAIT_MS = 10_000;
const BATCH = 20;

/** Revokes grants at Meta, at once and then repeatedly until Meta confirms. */
@Injectable()
export class ProviderRevocationService {
  constructor(
    private readonly revocations: PendingRevocationService,
    private readonly meta: MetaClients,
    private readonly rateLimiter: AppRateLimiter,
    private readonly refusals: RefusalInspector,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  /**
   * Tries at once and waits up to ten seconds; the attempt may take longer. Returns the state after that. `actor` is
   * for the audit entry of a confirmation.
   */
  async attemptNow(connectionId: ConnectionId, actor: Actor): Promise<ProviderRevocationStatus> {
    const claimed = await this.revocations.claimOne(connectionId, this.config.claimSeconds);
    if (claimed !== null) await settleWithin(this.attempt(claimed, 'forced', actor), MAX_WAIT_MS, undefined);
    return (await this.revocations.getStatus(connectionId)) ?? 'not_supported';
  }

  /** Processes what is due until nothing is left or `isStopping`. Returns the number of attempts. */
  async processDue(isStopping: () => boolean): Promise<number> {
    let tried = 0;
    while (!isStopping()) {
      const batch = await this.revocations.claimDue(BATCH, this.config.claimSeconds);
      await Promise.all(batch.map((revocation) => this.attempt(revocation, 'scheduled', SYSTEM)));
      tried += batch.length;
      if (batch.length < BATCH) break;
    }
    return tried;
  }

  /** Attempts one revocation. Never throws: if the result can't be stored, another replica retries after the claim. */
  private async attempt(revocation: ClaimedRevocation, urgency: Urgency, actor: Actor): Promise<void> {
    try {
      if (await this.revocations.finishIfShared(revocation)) return;
      const token = await this.revocations.open(revocation);
      if (token === null) return await this.revocations.finish(revocation, 'not_supported', actor);
      await this.revocations.finish(revocation, await this.revokeAtMeta(revocation, token, urgency), actor);
    } catch (error) {
      await this.handleFailure(revocation, actor, error).catch((cause: unknown) => {
        if (!(cause instanceof ClaimLostError))
          this.logger.error({ err: cause }, 'the result of a revocation could not be stored');
      });
    }
  }

  /** Inspects the token if the refusal may be about it: a dead token has no grant left to revoke. */
  private async revokeAtMeta(
    revocation: ClaimedRevocation,
    token: SecretString,
    urgency: Urgency,
  ): Promise<'confirmed' | 'not_supported'> {
    const request = { kind: revocation.kind, token, metaUserId: revocation.metaUserId };
    try {
      return await this.rateLimiter.call(revocation.appId, urgency, () =>
        this.meta.call(revocation.appId, ({ revocation: api }) => api.revoke(request)),
      );
    } catch (error) {
      if (!(error instanceof MetaError) || error.verdict.kind !== 'suspect') throw error;
      const { kind } = await this.refusals.inspect(revocation, token, urgency);
      if (kind === 'dead') return 'confirmed';
      throw error;
    }
  }

  private async handleFailure(revocation: ClaimedRevocation, actor: Actor, error: unknown): Promise<void> {
    if (error instanceof ClaimLostError) return;
    // A dead token has no grant left to revoke.
    if (error instanceof MetaError && error.verdict.kind === 'dead') {
      return this.revocations.finish(revocation, 'confirmed', actor);
    }
    const known =
      error instanceof MetaError || error instanceof CallNotPermittedError || error instanceof DecryptionError;
    const of = { connection_id: revocation.connectionId, attempts: revocation.attempts + 1 };
    this.logger[known ? 'warn' : 'error']({ ...of, err: error }, 'a revocation at Meta has not succeeded yet');
    const failure = error instanceof MetaError ? toAttemptFailure(error) : null;
    const retryClass: RetryClass = failure?.retryClass ?? (error instanceof DecryptionError ? 'later' : 'soon');
    const wait =
      error instanceof CallNotPermittedError ? (error.until.getTime() - this.clock.now().getTime()) / 1000 : null;
    await this.revocations.postpone(
      revocation,
      nextAttemptAt({
        now: this.clock.now(),
        attempts: revocation.attempts + 1,
        retryClass,
        expiresAt: null,
        retryAfterSeconds: failure?.retryAfterSeconds ?? wait,
        fraction: this.random.fraction(),
      }),
    );
  }
}
