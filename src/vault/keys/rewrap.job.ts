import { Injectable } from '@nestjs/common';
import { JobScheduler } from '../../platform/jobs/job-scheduler.ts';
import { RewrapWorker } from './rewrap-worker.ts';

const TICK_MS = 2_000;

/** Helps with a running rewrap, whichever replica it was requested from. */
@Injectable()
export class RewrapJob {
  constructor(worker: RewrapWorker, jobs: JobScheduler) {
    jobs.register({
      name: 'key-rewrap',
      schedule: { everyMs: TICK_MS },
      run: (signal) => worker.runOnce(() => signal.aborted),
    });
  }
}
