import { Injectable } from '@nestjs/common';
import { PhoneSynchronizationService } from '../../connections/assets/phone-synchronization.service.ts';
import { JobScheduler } from '../../platform/jobs/job-scheduler.ts';

const INTERVAL_MS = 60_000;
const BATCH_SIZE = 100;

/**
 * Tells subscribers, once per number across replicas, that the window for its contacts and history closes in a few
 * hours.
 */
@Injectable()
export class SynchronizationNoticeJob {
  constructor(
    jobs: JobScheduler,
    private readonly synchronizations: PhoneSynchronizationService,
  ) {
    jobs.register({
      name: 'synchronization-notices',
      schedule: { everyMs: INTERVAL_MS },
      run: (signal) => this.announceDue(signal),
    });
  }

  async announceDue(signal?: AbortSignal): Promise<void> {
    while (signal?.aborted !== true && (await this.synchronizations.announceExpiring(BATCH_SIZE)) === BATCH_SIZE);
  }
}
