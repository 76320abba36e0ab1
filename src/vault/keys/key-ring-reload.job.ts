import { Injectable } from '@nestjs/common';
import { JobScheduler } from '../../platform/jobs/job-scheduler.ts';
import { KeyRing } from './key-ring.ts';
import { RevivedKeyAlert } from './revived-key-alert.ts';

const TICK_MS = 10_000;

/** Loads keys that other replicas created, drops retired ones, and reports retired ones that were put back. */
@Injectable()
export class KeyRingReloadJob {
  constructor(keyRing: KeyRing, alert: RevivedKeyAlert, jobs: JobScheduler) {
    jobs.register({
      name: 'key-ring',
      schedule: { everyMs: TICK_MS },
      // Report the others even if one key can't be opened.
      run: () => keyRing.reload().finally(() => alert.raise()),
      runsUntilShutdown: true,
    });
  }
}
