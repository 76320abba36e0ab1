import { Inject, Injectable } from '@nestjs/common';
import { SYSTEM } from '../../audit/actor.ts';
import { Config } from '../../config/config.ts';
import { PendingAuthorizationRepository } from '../../connections/authorization/pending-authorization.repository.ts';
import { type PendingAuthorization } from '../../connections/authorization/pending-authorization.ts';
import { ClaimLostError } from '../../connections/claim-lost-error.ts';
import { JobScheduler } from '../../platform/jobs/job-scheduler.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { ConnectFailedError } from '../connect-failed-error.ts';
import { PendingAuthorizationService } from './pending-authorization.service.ts';

const INTERVAL_MS = 5_000;
const BATCH_SIZE = 5;

/**
 * Resumes authorizations that no replica is working on: theirs crashed, or Meta went down after the code exchange. The
 * user saw `meta_unavailable`, but did agree, so once Meta is back the connection is created, the session closed as
 * connected, and `connection.created` sent. Gives up and destroys the token after a day, or when it expires.
 */
@Injectable()
export class AuthorizationResumeJob {
  constructor(
    jobs: JobScheduler,
    private readonly pendingAuthorizations: PendingAuthorizationRepository,
    private readonly pendingAuthorizationService: PendingAuthorizationService,
    private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {
    jobs.register({
      name: 'pending-authorizations',
      schedule: { everyMs: INTERVAL_MS },
      run: (signal) => this.resumeDue(signal),
    });
  }

  async resumeDue(signal?: AbortSignal): Promise<void> {
    for (;;) {
      const due = await this.pendingAuthorizations.claimDue(BATCH_SIZE, this.config.claimSeconds);
      await Promise.all(due.map((pendingAuthorization) => this.resume(pendingAuthorization)));
      if (due.length < BATCH_SIZE || signal?.aborted === true) return;
    }
  }

  private async resume(pendingAuthorization: PendingAuthorization): Promise<void> {
    const of = { pending_authorization_id: pendingAuthorization.id, session_id: pendingAuthorization.sessionId };
    try {
      const initiator = { actor: SYSTEM, requestId: null };
      const connectionId = await this.pendingAuthorizationService.process(pendingAuthorization, initiator);
      this.logger.info({ ...of, connection_id: connectionId }, 'resumed authorization succeeded');
    } catch (error) {
      if (error instanceof ClaimLostError) return;
      if (!(error instanceof ConnectFailedError))
        this.logger.error({ ...of, err: error }, 'resumed authorization failed');
    }
  }
}
