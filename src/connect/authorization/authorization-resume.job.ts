import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { SYSTEM } from '../../audit/audit-log.ts';
import { Config } from '../../config/config.ts';
import {
  ClaimLost,
  type TokenIntake,
  TokenIntakes,
} from '../../connections/authorization/pending-authorization.repository.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { ConnectFailure } from '../connect-failed-error.ts';
import { IntakeDesk } from './pending-authorization.service.ts';

const EVERY_MS = 5_000;
const AT_ONCE = 5;

/**
 * Goes on with tokens that nobody works on any more: their replica crashed, or Meta was out of reach after the code had been
 * exchanged. The person was told `meta_unavailable` then, because that was true; they did say yes, though, so when
 * Meta answers again their connection is made and its session closed as connected, and product services hear of it by
 * `connection.created`. After a day, or at the token's end, it is destroyed.
 */
@Injectable()
export class IntakeResumer implements BeforeApplicationShutdown {
  #pass: Promise<void> | null = null;
  #isStopping = false;

  constructor(
    private readonly intakes: TokenIntakes,
    private readonly desk: IntakeDesk,
    private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  @Interval(EVERY_MS)
  async tick(): Promise<void> {
    if (this.#isStopping || this.#pass !== null) return;
    this.#pass = this.resumeDue()
      .catch((error: unknown) => this.logger.error({ err: error }, 'looking for unfinished connections failed'))
      .then(() => {
        this.#pass = null;
      });
    await this.#pass;
  }

  /** Works off all that is due now. */
  async resumeDue(): Promise<void> {
    for (;;) {
      const due = await this.intakes.claimDue(AT_ONCE, this.config.claimSeconds);
      await Promise.all(due.map((intake) => this.resume(intake)));
      if (due.length < AT_ONCE || this.#isStopping) return;
    }
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#isStopping = true;
    await this.#pass;
  }

  private async resume(intake: TokenIntake): Promise<void> {
    const of = { intake_id: intake.id, session_id: intake.sessionId };
    try {
      const connectionId = await this.desk.bring(intake, { actor: SYSTEM, requestId: null });
      this.logger.info({ ...of, connection_id: connectionId }, 'an unfinished connection was finished');
    } catch (error) {
      if (error instanceof ClaimLost) return;
      if (!(error instanceof ConnectFailure))
        this.logger.error({ ...of, err: error }, 'an unfinished connection failed');
    }
  }
}
