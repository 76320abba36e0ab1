import { Injectable } from '@nestjs/common';
import { DatabaseClock } from '../database/database-clock.ts';
import { JobScheduler } from '../platform/jobs/job-scheduler.ts';

const CLOCK_MS = 30_000;

/** Keeps this process's reading of the database's time fresh. Requests rely on it until the last one has ended. */
@Injectable()
export class ReplicaSyncJob {
  constructor(clock: DatabaseClock, jobs: JobScheduler) {
    jobs.register({
      name: 'database-clock',
      schedule: { everyMs: CLOCK_MS },
      run: () => clock.synchronize(),
      runsUntilShutdown: true,
    });
  }
}
