import { Injectable } from '@nestjs/common';
import { DatabaseClock } from '../database/database-clock.ts';
import { JobScheduler } from '../platform/jobs/job-scheduler.ts';
import { KeyRing } from '../vault/keys/key-ring.ts';

const CLOCK_MS = 30_000;
const KEY_RING_MS = 10_000;

/** Keeps what this process holds in memory close to what the database says. Requests rely on it until the last one has ended. */
@Injectable()
export class ReplicaSyncJob {
  constructor(clock: DatabaseClock, keyRing: KeyRing, jobs: JobScheduler) {
    jobs.register({
      name: 'database-clock',
      schedule: { everyMs: CLOCK_MS },
      run: () => clock.synchronize(),
      runsUntilShutdown: true,
    });
    jobs.register({
      name: 'key-ring',
      schedule: { everyMs: KEY_RING_MS },
      run: () => keyRing.reload(),
      runsUntilShutdown: true,
    });
  }
}
