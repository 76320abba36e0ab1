import { Inject, Injectable } from '@nestjs/common';
import { type Actor, SYSTEM } from '../../audit/actor.ts';
import { AuditLog } from '../../audit/audit-log.ts';
import { Config } from '../../config/config.ts';
import { PendingAuthorizationRepository } from '../../connections/authorization/pending-authorization.repository.ts';
import {
  type NewPendingAuthorization,
  type PendingAuthorization,
} from '../../connections/authorization/pending-authorization.ts';
import { ClaimLostError } from '../../connections/claim-lost-error.ts';
import type { ConnectionId } from '../../connections/ids.ts';
import { Database, type Transaction } from '../../database/database.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';
import { ClaimHeartbeat } from '../../platform/jobs/claim-heartbeat.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { Random } from '../../platform/random.ts';
import { readHints } from '../authorization-hints.ts';
import { ConnectAttemptRepository } from '../connect-attempt.repository.ts';
import { ConnectFailedError, toConnectFailedError } from '../connect-failed-error.ts';
import { recordConnectFailure, toFailureDetails } from '../connect-failure-audit.ts';
import { ConnectSessionRepository } from '../connect-session.repository.ts';
import type { ConnectProgress } from '../connect-session.ts';
import { AuthorizationPipeline, type AuthorizationRun, type OnConnected } from './authorization-pipeline.ts';

/** Who processes a pending authorization, for the audit log, and what else its connection's transaction writes. */
export interface Initiator {
  actor: Actor;
  requestId: string | null;
  onConnected?: OnConnected | undefined;
}

const MIN_BACKOFF_SECONDS = 5;
const MAX_BACKOFF_SECONDS = 600;
const MAX_AGE_SECONDS = DAY_SECONDS;

/**
 * Processes a pending authorization to its end, for whichever caller holds its claim: a callback, its second delivery,
 * a client's request, or the resume job. After a temporary failure, the token stays sealed and is released for a later
 * try; after a final one, it is destroyed, and the attempt keeps the error code.
 */
@Injectable()
export class PendingAuthorizationService {
  /** Discovery for a user with a thousand Pages outlasts a claim. */
  readonly #heartbeat: ClaimHeartbeat<AuthorizationRun>;

  constructor(
    private readonly pendingAuthorizations: PendingAuthorizationRepository,
    private readonly pipeline: AuthorizationPipeline,
    private readonly sessions: ConnectSessionRepository,
    private readonly attempts: ConnectAttemptRepository,
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly config: Config,
    private readonly clock: Clock,
    private readonly random: Random,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {
    this.#heartbeat = new ClaimHeartbeat<AuthorizationRun>({
      claimSeconds: config.claimSeconds,
      logger,
      extend: async (runs) => {
        await Promise.all(runs.map((run) => this.extendClaim(run)));
      },
    });
  }

  /**
   * Seals and commits a fresh token, then processes it. Returns the connection's id; throws as `process` does, except
   * that clients never see `ClaimLostError`: they get `meta_unavailable`, while browsers wait for the replica that took
   * over.
   */
  async connect(newAuthorization: NewPendingAuthorization, initiator: Initiator): Promise<ConnectionId> {
    const claimed = await this.pendingAuthorizations.begin(newAuthorization, this.config.claimSeconds);
    try {
      return await this.process(claimed, initiator);
    } catch (error) {
      if (!(error instanceof ClaimLostError) || claimed.stateHash !== null) throw error;
      throw new ConnectFailedError('meta_unavailable', { cause: error, isFinal: false });
    }
  }

  /** Returns the connection's id. Throws `ConnectFailedError`, `ClaimLostError`, or an unexpected error. */
  async process(pendingAuthorization: PendingAuthorization, initiator: Initiator): Promise<ConnectionId> {
    const onProgress = (progress: ConnectProgress) => this.recordProgress(pendingAuthorization, progress);
    const work: AuthorizationRun = { pendingAuthorization, ...initiator, onProgress };
    return this.#heartbeat.during([work], () => this.runClaimed(work));
  }

  /** Only shown on the session; nothing depends on it. */
  private async recordProgress({ id, sessionId }: PendingAuthorization, progress: ConnectProgress): Promise<void> {
    if (sessionId === null) return;
    await this.sessions.recordProgress(sessionId, progress).catch((error: unknown) => {
      this.logger.warn({ err: error, pending_authorization_id: id }, 'failed to store session progress');
    });
  }

  private async runClaimed(work: AuthorizationRun): Promise<ConnectionId> {
    try {
      return await this.pipeline.run(work, (tx, connectionId) => this.succeed(tx, work, connectionId));
    } catch (error) {
      const failure = toConnectFailedError(error, 'token_rejected');
      if (failure instanceof ClaimLostError) throw failure;
      await this.handleFailure(work, failure);
      throw failure;
    }
  }

  private async succeed(
    tx: Transaction,
    { pendingAuthorization, actor, requestId, onConnected }: AuthorizationRun,
    connectionId: ConnectionId,
  ): Promise<void> {
    const { sessionId, tenant, product, flow, stateHash } = pendingAuthorization;
    const session = sessionId === null ? null : { id: sessionId, tenant };
    if (session !== null && !(await this.sessions.close(tx, session, stateHash, connectionId))) {
      const detail = 'Another user completed this connect session first.';
      throw new ConnectFailedError('session_expired', { detail, isFinal: true });
    }
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
    await onConnected?.(tx, connectionId);
  }

  private async handleFailure(work: AuthorizationRun, failure: unknown): Promise<void> {
    const { pendingAuthorization } = work;
    const connectError = failure instanceof ConnectFailedError ? failure : null;
    if (
      connectError?.isFinal === true ||
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
    // The resume job retries often: only its last try is audited.
    if (work.actor === SYSTEM) return;
    await this.database.longRunning.transaction((tx) => this.recordFailure(tx, work, connectError, true));
  }

  /** Destroys a token that can never become a connection. */
  private async discard(work: AuthorizationRun, failure: ConnectFailedError): Promise<void> {
    const { pendingAuthorization } = work;
    try {
      await this.database.longRunning.transaction(async (tx) => {
        await this.pendingAuthorizations.finish(tx, pendingAuthorization);
        if (pendingAuthorization.stateHash !== null)
          await this.attempts.recordError(tx, pendingAuthorization.stateHash, failure.errorCode);
        await this.recordFailure(tx, work, failure, false);
      });
    } catch (error) {
      // Another replica took over and will finish it.
      if (!(error instanceof ClaimLostError)) throw error;
    }
  }

  private recordFailure(
    tx: Transaction,
    { pendingAuthorization, actor, requestId }: AuthorizationRun,
    failure: ConnectFailedError | null,
    willRetry: boolean,
  ): Promise<void> {
    const of = { ...pendingAuthorization, actor, requestId };
    return recordConnectFailure(this.audit, tx, of, toFailureDetails(failure, willRetry));
  }

  private isExpired(pendingAuthorization: PendingAuthorization): boolean {
    const now = this.clock.now();
    const isOld = addSeconds(pendingAuthorization.createdAt, MAX_AGE_SECONDS) <= now;
    return isOld || (pendingAuthorization.expiresAt !== null && pendingAuthorization.expiresAt <= now);
  }

  private backoffSeconds(attempts: number): number {
    return this.random.fraction() * Math.min(MAX_BACKOFF_SECONDS, MIN_BACKOFF_SECONDS * 2 ** Math.min(attempts, 10));
  }

  private async extendClaim({ pendingAuthorization }: AuthorizationRun): Promise<void> {
    try {
      await this.pendingAuthorizations.extendClaim(pendingAuthorization, this.config.claimSeconds);
    } catch (error) {
      // Ignore: the claim id refuses the next write of this run.
      if (!(error instanceof ClaimLostError)) throw error;
    }
  }
}
