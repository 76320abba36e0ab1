import { Inject, Injectable } from '@nestjs/common';
import { type Actor, SYSTEM } from '../../audit/actor.ts';
import { Config } from '../../config/config.ts';
import { ClaimLostError } from '../../connections/claim-lost-error.ts';
import { CredentialClaimRepository } from '../../connections/credentials/credential-claim.repository.ts';
import type { CredentialSnapshot } from '../../connections/credentials/credential-snapshot.ts';
import { CredentialVersionService } from '../../connections/credentials/credential-version.service.ts';
import type { ConnectionId } from '../../connections/ids.ts';
import type { ClaimedTokenRevocation } from '../../connections/revocation/token-revocation.repository.ts';
import {
  NOT_REVOKED,
  type TokenRevocationFailure,
  type TokenRevocationObstacle,
  TokenRevocationService,
} from '../../connections/revocation/token-revocation.service.ts';
import { MetaError } from '../../meta/errors/meta-error.ts';
import { MetaClients } from '../../meta/meta-clients.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { Random } from '../../platform/random.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { settleWithin } from '../../platform/settle-within.ts';
import { DecryptionError } from '../../vault/sealed-secret.ts';
import { toAttemptFailure } from '../failures/attempt-failure.ts';
import { FAILURES } from '../failures/failure-codes.ts';
import { nextAttemptAt } from '../failures/next-attempt.ts';
import { isUnrelatedToToken, RefusalInspector } from '../inspection/refusal-inspector.ts';
import { LifecycleMetrics } from '../lifecycle-metrics.ts';
import { AppRateLimiter, CallNotPermittedError, type Urgency } from '../rate-limit/app-rate-limiter.ts';

/** How long a request waits for the outcome. */
const MAX_WAIT_MS = 10_000;
const BATCH = 20;

/** The current token of the credential, which authenticates the revocation. */
interface ServingToken {
  credential: CredentialSnapshot;
  token: SecretString;
}

/** Revokes replaced tokens at Meta, at once and then repeatedly until Meta says they are dead. */
@Injectable()
export class TokenRevoker {
  constructor(
    private readonly revocations: TokenRevocationService,
    private readonly claims: CredentialClaimRepository,
    private readonly versions: CredentialVersionService,
    private readonly meta: MetaClients,
    private readonly rateLimiter: AppRateLimiter,
    private readonly refusals: RefusalInspector,
    private readonly metrics: LifecycleMetrics,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  /**
   * Tries what is due of a connection and waits up to ten seconds; attempts may take longer. Never rejects with Meta's
   * errors.
   */
  async attemptNow(connectionId: ConnectionId, actor: Actor): Promise<void> {
    const claimed = await this.revocations.claimOf(connectionId, this.config.claimSeconds);
    const attempts = Promise.all(claimed.map((revocation) => this.attempt(revocation, 'forced', actor)));
    await settleWithin(
      attempts.then(() => undefined),
      MAX_WAIT_MS,
      undefined,
    );
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
  private async attempt(revocation: ClaimedTokenRevocation, urgency: Urgency, actor: Actor): Promise<void> {
    try {
      const obstacle = await this.revocations.findObstacle(revocation);
      if (obstacle !== null) return await this.wait(revocation, obstacle);
      const token = await this.revocations.open(revocation);
      if (token !== null) await this.revokeAtMeta(revocation, token, urgency);
      await this.revocations.finish(revocation, actor);
      this.metrics.recordTokenRevocation('confirmed');
    } catch (error) {
      await this.handleFailure(revocation, error).catch((cause: unknown) => {
        this.logger.error({ err: cause }, 'the result of a revocation could not be stored');
      });
    }
  }

  private wait(revocation: ClaimedTokenRevocation, { kind, until }: TokenRevocationObstacle): Promise<void> {
    this.metrics.recordTokenRevocation('waiting');
    return this.revocations.postpone(revocation, until, kind === 'in_use' ? IN_USE : null);
  }

  /**
   * Resolves once Meta has revoked the token or says it is dead. Authenticates with the current token, as Meta
   * documents, then with the token itself. A refusal counts only after inspection of the old token, and of the current
   * one if that was refused.
   */
  private async revokeAtMeta(
    { appId, kind, credentialId }: ClaimedTokenRevocation,
    token: SecretString,
    urgency: Urgency,
  ): Promise<void> {
    const serving = await this.openServing(credentialId);
    const attempt = (by: SecretString): Promise<MetaError | null> =>
      this.tryRevoke(appId, urgency, () =>
        this.meta.call(appId, ({ revocation }) => revocation.revokeToken(token, by)),
      );
    let refusal = await attempt(serving?.token ?? token);
    if (refusal === null || (await this.refusals.inspect({ appId, kind }, token, urgency)).kind === 'dead') return;
    if (serving === null) throw refusal;
    await this.refusals.inspectServing(serving.credential, refusal, urgency);
    refusal = await attempt(token);
    if (refusal === null || (await this.refusals.inspect({ appId, kind }, token, urgency)).kind === 'dead') return;
    throw refusal;
  }

  /** Returns null once revoked, else the refusal. Throws errors that say nothing about a token. */
  private async tryRevoke(
    appId: string,
    urgency: Urgency,
    revoke: () => Promise<'confirmed'>,
  ): Promise<MetaError | null> {
    try {
      await this.rateLimiter.call(appId, urgency, revoke);
      return null;
    } catch (error) {
      if (error instanceof MetaError && !isUnrelatedToToken(error)) return error;
      throw error;
    }
  }

  private async openServing(credentialId: ClaimedTokenRevocation['credentialId']): Promise<ServingToken | null> {
    const credential = await this.claims.find(credentialId);
    if (credential?.status !== 'active') return null;
    try {
      const token = await this.versions.openCurrent(credential);
      return token === null ? null : { credential, token };
    } catch (error) {
      if (error instanceof DecryptionError) return null;
      throw error;
    }
  }

  private async handleFailure(revocation: ClaimedTokenRevocation, error: unknown): Promise<void> {
    if (error instanceof ClaimLostError) return;
    this.metrics.recordTokenRevocation('failed');
    const known =
      error instanceof MetaError || error instanceof CallNotPermittedError || error instanceof DecryptionError;
    const of = {
      credential_id: revocation.credentialId,
      version: revocation.version,
      attempts: revocation.attempts + 1,
    };
    this.logger[known ? 'warn' : 'error']({ ...of, err: error }, 'a replaced token has not been revoked at Meta yet');
    const now = this.clock.now();
    if (error instanceof CallNotPermittedError)
      return this.revocations.postpone(revocation, latest(error.until, addSeconds(now, 1)), null);
    const failure = error instanceof MetaError ? toAttemptFailure(error) : null;
    const next = nextAttemptAt({
      now,
      attempts: revocation.attempts + 1,
      retryClass: failure?.retryClass ?? 'later',
      expiresAt: null,
      retryAfterSeconds: failure?.retryAfterSeconds ?? null,
      fraction: this.random.fraction(),
    });
    const meta = failure?.meta === undefined ? {} : { meta: failure.meta };
    await this.revocations.postpone(revocation, next, { ...NOT_YET, ...meta });
  }
}

const NOT_YET: TokenRevocationFailure = { code: NOT_REVOKED, detail: FAILURES.old_token_not_revoked.detail };
const IN_USE: TokenRevocationFailure = {
  code: NOT_REVOKED,
  detail:
    'A new token is in use. The old one is not revoked yet: another connection uses it. Rotate or revoke that one.',
};

function latest(a: Date, b: Date): Date {
  return a > b ? a : b;
}
