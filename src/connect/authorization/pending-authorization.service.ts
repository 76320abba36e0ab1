import { Inject, Injectable } from '@nestjs/common';
import { type Actor, AuditLog, SYSTEM } from '../../audit/audit-log.ts';
import { Config } from '../../config/config.ts';
import {
  ClaimLost,
  type NewIntake,
  type TokenIntake,
  TokenIntakes,
} from '../../connections/authorization/pending-authorization.repository.ts';
import { Database, type Transaction } from '../../database/database.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { Random } from '../../platform/random.ts';
import { ConnectFailure, toConnectFailure } from '../connect-failed-error.ts';
import { ConnectSessionStore } from '../sessions/connect-session.repository.ts';
import { readHints } from './authorization-hints.ts';
import { IntakeJourney, type IntakeWork } from './authorization-pipeline.ts';

/** Who drives an intake: named in audit entries. */
export interface Driver {
  actor: Actor;
  requestId: string | null;
}

const FIRST_BACKOFF_SECONDS = 5;
const LONGEST_BACKOFF_SECONDS = 600;
const GIVE_UP_SECONDS = 24 * 60 * 60;

/**
 * Where a token on its way in is brought to an end, by whoever has its claim: a callback, a client's request, a second delivery
 * of the same callback, or the resumer. What failed for weather stays sealed and is let go for a later try; what can
 * never succeed is destroyed, and its browser's attempt keeps the word for it.
 */
@Injectable()
export class IntakeDesk {
  constructor(
    private readonly intakes: TokenIntakes,
    private readonly journey: IntakeJourney,
    private readonly sessions: ConnectSessionStore,
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly config: Config,
    private readonly clock: Clock,
    private readonly random: Random,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  /** Seals and commits a fresh token, then goes on with it. The connection's id; throws as `bring`. */
  async take(intake: NewIntake, driver: Driver): Promise<string> {
    return this.bring(await this.intakes.begin(intake, this.config.claimSeconds), driver);
  }

  /** The connection's id. Throws `ConnectFailure`, `ClaimLost`, or what is nobody's fault but ours. */
  async bring(intake: TokenIntake, driver: Driver): Promise<string> {
    const work: IntakeWork = { intake, ...driver };
    const endSignsOfLife = this.giveSignsOfLife(work);
    try {
      return await this.journey.run(work, (tx, connectionId) => this.succeed(tx, work, connectionId));
    } catch (error) {
      const failure = toConnectFailure(error, 'token_rejected');
      if (failure instanceof ClaimLost) throw failure;
      await this.end(work, failure);
      throw failure;
    } finally {
      endSignsOfLife();
    }
  }

  private async succeed(
    tx: Transaction,
    { intake, actor, requestId }: IntakeWork,
    connectionId: string,
  ): Promise<void> {
    const { sessionId } = intake;
    if (sessionId !== null && !(await this.sessions.close(tx, sessionId, intake.stateHash, connectionId))) {
      const detail = 'Another person finished this connect session first.';
      throw new ConnectFailure('session_expired', { detail, isFinal: true });
    }
    const { tenant, product, flow } = intake;
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

  private async end(work: IntakeWork, failure: unknown): Promise<void> {
    const { intake } = work;
    const known = failure instanceof ConnectFailure ? failure : null;
    if (known?.occasion.isFinal === true || readHints(intake.hints).isGiven || this.isHopeless(intake)) {
      await this.drop(work, known ?? new ConnectFailure('meta_unavailable', { isFinal: true }));
      return;
    }
    await this.intakes.release(intake, addSeconds(this.clock.now(), this.backoffSeconds(intake.attempts)));
    // The resumer's many tries leave one entry: their end.
    if (work.actor === SYSTEM) return;
    await this.database.transaction((tx) => this.recordFailure(tx, work, known, true));
  }

  /** Destroys a token that will never be a connection. */
  private async drop(work: IntakeWork, failure: ConnectFailure): Promise<void> {
    const { intake } = work;
    try {
      await this.database.transaction(async (tx) => {
        await this.intakes.finish(tx, intake);
        if (intake.stateHash !== null) await this.sessions.settle(tx, intake.stateHash, failure.browserWord);
        await this.recordFailure(tx, work, failure, false);
      });
    } catch (error) {
      // Taken over meanwhile: whoever has it comes to its own end of it.
      if (!(error instanceof ClaimLost)) throw error;
    }
  }

  private async recordFailure(
    tx: Transaction,
    { intake, actor, requestId }: IntakeWork,
    failure: ConnectFailure | null,
    willRetry: boolean,
  ): Promise<void> {
    const { tenant, product, flow, sessionId } = intake;
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
        meta: failure?.occasion.meta ?? {},
        will_retry: willRetry,
      },
    });
  }

  private isHopeless(intake: TokenIntake): boolean {
    const now = this.clock.now();
    const isOld = addSeconds(intake.createdAt, GIVE_UP_SECONDS) <= now;
    return isOld || (intake.expiresAt !== null && intake.expiresAt <= now);
  }

  /** Exponential, with full jitter. */
  private backoffSeconds(attempts: number): number {
    return (
      this.random.fraction() * Math.min(LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2 ** Math.min(attempts, 10))
    );
  }

  /** Keeps the claim while the work goes on: a person with a thousand Pages takes longer than a claim lasts. */
  private giveSignsOfLife(work: IntakeWork): () => void {
    const { claimSeconds } = this.config;
    const timer = setInterval(
      () => {
        this.intakes.keep(work.intake, claimSeconds).catch((error: unknown) => {
          // Nothing to mend here: the next write of this work is fenced by the claim.
          this.logger.debug({ err: error, intake_id: work.intake.id }, 'the claim of an intake could not be kept');
        });
      },
      (claimSeconds * 1000) / 3,
    );
    timer.unref();
    return () => clearInterval(timer);
  }
}
