import { Injectable } from '@nestjs/common';
import { DatabaseClock } from '../database/database-clock.ts';
import { JobScheduler } from '../platform/jobs/job-scheduler.ts';

const CLOCK_INTERVAL_MS = 30_000;

/** Keeps this process in sync with the database's clock until the last request has ended. */
@Injectable()
export class ReplicaSyncJob {
  constructor(clock: DatabaseClock, jobs: JobScheduler) {
    jobs.register({
      name: 'database-clock',
      schedule: { everyMs: CLOCK_INTERVAL_MS },
      run: () => clock.synchronize(),
      runsUntilShutdown: true,
    });
  }
}
