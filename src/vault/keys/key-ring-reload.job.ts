import { Injectable } from '@nestjs/common';
import { JobScheduler } from '../../platform/jobs/job-scheduler.ts';
import { KeyRing } from './key-ring.ts';

const TICK_MS = 10_000;

/** Loads keys that other replicas created, and drops retired ones. */
@Injectable()
export class KeyRingReloadJob {
  constructor(keyRing: KeyRing, jobs: JobScheduler) {
    jobs.register({
      name: 'key-ring',
      schedule: { everyMs: TICK_MS },
      run: () => keyRing.reload(),
      runsUntilShutdown: true,
    });
  }
}
