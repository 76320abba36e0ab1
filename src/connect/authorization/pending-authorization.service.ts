import { Inject, Injectable } from '@nestjs/common';
import { type Actor, AuditLog, SYSTEM } from '../../audit/audit-log.ts';
import { Config } from '../../config/config.ts';
import {
  ClaimLostError,
  type NewPendingAuthorization,
  type PendingAuthorization,
  PendingAuthorizationRepository,
} from '../../connections/authorization/pending-authorization.repository.ts';
import { Database, type Transaction } from '../../database/database.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { Random } from '../../platform/random.ts';
import { ConnectFailedError, toConnectFailedError } from '../connect-failed-error.ts';
import { ConnectSessionRepository } from '../sessions/connect-session.repository.ts';
import { readHints } from './authorization-hints.ts';
import { AuthorizationPipeline, type AuthorizationRun } from './authorization-pipeline.ts';

/** Who drives an intake: named in audit entries. */
export interface Initiator {
  actor: Actor;
  requestId: string | null;
}

const MIN_BACKOFF_SECONDS = 5;
const MAX_BACKOFF_SECONDS = 600;
const MAX_AGE_SECONDS = DAY_SECONDS;

/**
 * Where a token on its way in is brought to an end, by whoever has its claim: a callback, a client's request, a second delivery
 * of the same callback, or the resumer. What failed for weather stays sealed and is let go for a later try; what can
 * never succeed is destroyed, and its browser's attempt keeps the word for it.
 */
@Injectable()
export class PendingAuthorizationService {
  constructor(
    private readonly pendingAuthorizations: PendingAuthorizationRepository,
    private readonly pipeline: AuthorizationPipeline,
    private readonly sessions: ConnectSessionRepository,
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly config: Config,
    private readonly clock: Clock,
    private readonly random: Random,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  /** Seals and commits a fresh token, then goes on with it. The connection's id; throws as `bring`. */
  async connect(pendingAuthorization: NewPendingAuthorization, initiator: Initiator): Promise<string> {
    return this.process(
      await this.pendingAuthorizations.begin(pendingAuthorization, this.config.claimSeconds),
      initiator,
    );
  }

  /** The connection's id. Throws `ConnectFailedError`, `ClaimLostError`, or what is nobody's fault but ours. */
  async process(pendingAuthorization: PendingAuthorization, initiator: Initiator): Promise<string> {
    const work: AuthorizationRun = { pendingAuthorization, ...initiator };
    const stopHeartbeat = this.startHeartbeat(work);
    try {
      return await this.pipeline.run(work, (tx, connectionId) => this.succeed(tx, work, connectionId));
    } catch (error) {
      const failure = toConnectFailedError(error, 'token_rejected');
      if (failure instanceof ClaimLostError) throw failure;
      await this.handleFailure(work, failure);
      throw failure;
    } finally {
      stopHeartbeat();
    }
  }

  private async succeed(
    tx: Transaction,
    { pendingAuthorization, actor, requestId }: AuthorizationRun,
    connectionId: string,
  ): Promise<void> {
    const { sessionId } = pendingAuthorization;
    if (
      sessionId !== null &&
      !(await this.sessions.close(tx, sessionId, pendingAuthorization.stateHash, connectionId))
    ) {
      const detail = 'Another person finished this connect session first.';
      throw new ConnectFailedError('session_expired', { detail, isFinal: true });
    }
    const { tenant, product, flow } = pendingAuthorization;
    await this.audit.record(tx, {
      action: 'connect.completed',
      actor,
      requestId,
      tenant,
      product,
      connectionId,
      subjectId: sessionId,
      details: { flow },
    });
  }

  private async handleFailure(work: AuthorizationRun, failure: unknown): Promise<void> {
    const { pendingAuthorization } = work;
    const connectError = failure instanceof ConnectFailedError ? failure : null;
    if (
      connectError?.occurrence.isFinal === true ||
      readHints(pendingAuthorization.hints).isGiven ||
      this.isExpired(pendingAuthorization)
    ) {
      await this.discard(work, connectError ?? new ConnectFailedError('meta_unavailable', { isFinal: true }));
      return;
    }
    await this.pendingAuthorizations.release(
      pendingAuthorization,
      addSeconds(this.clock.now(), this.backoffSeconds(pendingAuthorization.attempts)),
    );
    // The resumer's many tries leave one entry: their end.
    if (work.actor === SYSTEM) return;
    await this.database.transaction((tx) => this.recordFailure(tx, work, connectError, true));
  }

  /** Destroys a token that will never be a connection. */
  private async discard(work: AuthorizationRun, failure: ConnectFailedError): Promise<void> {
    const { pendingAuthorization } = work;
    try {
      await this.database.transaction(async (tx) => {
        await this.pendingAuthorizations.finish(tx, pendingAuthorization);
        if (pendingAuthorization.stateHash !== null)
          await this.sessions.recordError(tx, pendingAuthorization.stateHash, failure.errorCode);
        await this.recordFailure(tx, work, failure, false);
      });
    } catch (error) {
      // Taken over meanwhile: whoever has it comes to its own end of it.
      if (!(error instanceof ClaimLostError)) throw error;
    }
  }

  private async recordFailure(
    tx: Transaction,
    { pendingAuthorization, actor, requestId }: AuthorizationRun,
    failure: ConnectFailedError | null,
    willRetry: boolean,
  ): Promise<void> {
    const { tenant, product, flow, sessionId } = pendingAuthorization;
    await this.audit.record(tx, {
      action: 'connect.failed',
      actor,
      requestId,
      tenant,
      product,
      subjectId: sessionId,
      details: {
        flow,
        code: failure?.reason ?? 'internal_error',
        meta: failure?.occurrence.meta ?? {},
        will_retry: willRetry,
      },
    });
  }

  private isExpired(pendingAuthorization: PendingAuthorization): boolean {
    const now = this.clock.now();
    const isOld = addSeconds(pendingAuthorization.createdAt, MAX_AGE_SECONDS) <= now;
    return isOld || (pendingAuthorization.expiresAt !== null && pendingAuthorization.expiresAt <= now);
  }

  /** Exponential, with full jitter. */
  private backoffSeconds(attempts: number): number {
    return this.random.fraction() * Math.min(MAX_BACKOFF_SECONDS, MIN_BACKOFF_SECONDS * 2 ** Math.min(attempts, 10));
  }

  /** Keeps the claim while the work goes on: a person with a thousand Pages takes longer than a claim lasts. */
  private startHeartbeat(work: AuthorizationRun): () => void {
    const { claimSeconds } = this.config;
    const timer = setInterval(
      () => {
        this.pendingAuthorizations.extendClaim(work.pendingAuthorization, claimSeconds).catch((error: unknown) => {
          // Nothing to mend here: the next write of this work is fenced by the claim.
          this.logger.debug(
            { err: error, pending_authorization_id: work.pendingAuthorization.id },
            'the claim of a pending authorization could not be extended',
          );
        });
      },
      (claimSeconds * 1000) / 3,
    );
    timer.unref();
    return () => clearInterval(timer);
  }
}
