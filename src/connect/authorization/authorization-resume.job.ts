import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { SYSTEM } from '../../audit/audit-log.ts';
import { Config } from '../../config/config.ts';
import { PendingAuthorizationRepository } from '../../connections/authorization/pending-authorization.repository.ts';
import { type PendingAuthorization } from '../../connections/authorization/pending-authorization.ts';
import { ClaimLostError } from '../../connections/claim-lost-error.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { ConnectFailedError } from '../connect-failed-error.ts';
import { PendingAuthorizationService } from './pending-authorization.service.ts';

const INTERVAL_MS = 5_000;
const BATCH_SIZE = 5;

/**
 * Goes on with tokens that nobody works on any more: their replica crashed, or Meta was out of reach after the code had been
 * exchanged. The person was told `meta_unavailable` then, because that was true; they did say yes, though, so when
 * Meta answers again their connection is made and its session closed as connected, and product services hear of it by
 * `connection.created`. After a day, or at the token's end, it is destroyed.
 */
@Injectable()
export class AuthorizationResumeJob implements BeforeApplicationShutdown {
  #pass: Promise<void> | null = null;
  #isStopping = false;

  constructor(
    private readonly pendingAuthorizations: PendingAuthorizationRepository,
    private readonly pendingAuthorizationService: PendingAuthorizationService,
    private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  @Interval(INTERVAL_MS)
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
      const due = await this.pendingAuthorizations.claimDue(BATCH_SIZE, this.config.claimSeconds);
      await Promise.all(due.map((pendingAuthorization) => this.resume(pendingAuthorization)));
      if (due.length < BATCH_SIZE || this.#isStopping) return;
    }
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#isStopping = true;
    await this.#pass;
  }

  private async resume(pendingAuthorization: PendingAuthorization): Promise<void> {
    const of = { pending_authorization_id: pendingAuthorization.id, session_id: pendingAuthorization.sessionId };
    try {
      const connectionId = await this.pendingAuthorizationService.process(pendingAuthorization, {
        actor: SYSTEM,
        requestId: null,
      });
      this.logger.info({ ...of, connection_id: connectionId }, 'an unfinished connection was finished');
    } catch (error) {
      if (error instanceof ClaimLostError) return;
      if (!(error instanceof ConnectFailedError))
        this.logger.error({ ...of, err: error }, 'an unfinished connection failed');
    }
  }
}
