import { describe, expect, it } from '@jest/globals';
import { SchedulerRegistry } from '@nestjs/schedule';
import { Registry } from 'prom-client';
import type { ConnectionStatusService } from '../../../../src/connections/connection/connection-status.service.ts';
import type { CredentialVersionService } from '../../../../src/connections/credentials/credential-version.service.ts';
import type { RetentionService } from '../../../../src/database/retention.service.ts';
import type { ProviderRevocationService } from '../../../../src/lifecycle/provider-revocation.service.ts';
import type { TokenRevoker } from '../../../../src/lifecycle/rotation/token-revoker.ts';
import { LifecycleJob } from '../../../../src/lifecycle/sweeps/lifecycle.job.ts';
import type { Sweep } from '../../../../src/lifecycle/sweeps/sweep.ts';
import { JobScheduler } from '../../../../src/platform/jobs/job-scheduler.ts';
import { testConfig } from '../../../support/test-config.ts';
import { captureLog } from '../../../support/test-replica.ts';

/** A schedule whose work is only recorded; `work` may block or throw. */
function scheduleOver(work: (what: string) => Promise<void>, environment: Record<string, string> = {}) {
  const log = captureLog();
  const done: string[] = [];
  const note = async (what: string): Promise<void> => {
    done.push(what);
    await work(what);
  };
  const noting = (kind: string) => (scope: string, appIds: string[]) => note(`${kind} ${scope} ${appIds.join()}`);
  const jobs = new JobScheduler(new SchedulerRegistry(), new Registry(), false, log.logger);
  const schedule = new LifecycleJob(
    jobs,
    { listDueApps: async () => ['a', 'b'], refresh: noting('refresh'), health: noting('health') } as unknown as Sweep,
    { processDue: () => note('revocations') } as unknown as ProviderRevocationService,
    { processDue: () => note('token revocations') } as unknown as TokenRevoker,
    { processDataAccessExpiry: () => note('notices').then(() => 0) } as unknown as ConnectionStatusService,
    { destroySupersededVersions: () => note('spent').then(() => 0) } as unknown as CredentialVersionService,
    {} as unknown as RetentionService,
    testConfig({ REFRESH_CRON: '0 3 * * *', HEALTH_CRON: '30 * * * *', ...environment }),
  );
  return { schedule, jobs, done, log };
}

/** Sorted, because the parts of a minute begin in no particular order. */
const ALL = [
  'health retries a',
  'health retries b',
  'notices',
  'refresh retries a',
  'refresh retries b',
  'revocations',
  'spent',
  'token revocations',
];

describe('the sweep of each minute', () => {
  it('continues for other apps while one app hangs, and never runs the same work twice at once', async () => {
    let end: () => void = () => undefined;
    const hanging = new Promise<void>((resolve) => {
      end = resolve;
    });
    const { schedule, done } = scheduleOver((what) => (what === 'refresh retries a' ? hanging : Promise.resolve()));
    const first = schedule.runUrgentWork();
    await new Promise(setImmediate);
    expect([...done].sort()).toEqual(ALL);
    done.length = 0;
    const second = schedule.runUrgentWork();
    await new Promise(setImmediate);
    expect([...done].sort()).toEqual(ALL.filter((what) => what !== 'refresh retries a'));
    end();
    await Promise.all([first, second]);
    done.length = 0;
    await schedule.runUrgentWork();
    expect([...done].sort()).toEqual(ALL);
  });

  it('continues if one part fails, and logs it', async () => {
    const { schedule, done, log } = scheduleOver((what) =>
      what === 'revocations' ? Promise.reject(new Error('no database')) : Promise.resolve(),
    );
    await schedule.runUrgentWork();
    await schedule.runUrgentWork();
    expect([...done].sort()).toEqual([...ALL, ...ALL].sort());
    expect(log.text()).toContain('no database');
  });

  it('starts nothing on a replica that is stopping, nor sweeps that are turned off', async () => {
    const off = scheduleOver(() => Promise.resolve(), { REFRESH_CRON: 'off', HEALTH_CRON: 'off' });
    await off.schedule.runUrgentWork();
    expect(off.done).toEqual(['revocations', 'token revocations', 'notices', 'spent']);
    const ending = scheduleOver(() => Promise.resolve());
    ending.jobs.onModuleDestroy();
    await ending.schedule.runUrgentWork();
    expect(ending.done).toEqual([]);
  });
});
