import { SchedulerRegistry } from '@nestjs/schedule';
import { Registry } from 'prom-client';
import { JobScheduler } from '../../src/platform/jobs/job-scheduler.ts';
import { captureLog } from './test-replica.ts';

/** A scheduler that starts no job by itself. */
export function idleJobScheduler(): JobScheduler {
  return new JobScheduler(new SchedulerRegistry(), new Registry(), false, captureLog().logger);
}
