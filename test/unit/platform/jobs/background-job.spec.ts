import { describe, expect, it, jest } from '@jest/globals';
import { SchedulerRegistry } from '@nestjs/schedule';
import { Registry } from 'prom-client';
import { JobScheduler } from '../../../../src/platform/jobs/job-scheduler.ts';
import type { Pino } from '../../../../src/platform/logger.ts';

function createScheduler() {
  const metrics = new Registry();
  const error = jest.fn();
  const registry = new SchedulerRegistry();
  return {
    scheduler: new JobScheduler(registry, metrics, true, { error } as unknown as Pino),
    metrics,
    error,
    registry,
  };
}

function deferred() {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

const runs = async (metrics: Registry): Promise<unknown> =>
  (await metrics.getSingleMetric('metavault_background_job_runs_total')?.get())?.values.map(({ labels, value }) => ({
    ...labels,
    value,
  }));

describe('BackgroundJob', () => {
  it('runs once at a time, and concurrent callers join that run', async () => {
    const { scheduler, metrics } = createScheduler();
    const { promise, resolve } = deferred();
    const run = jest.fn(() => promise);
    const job = scheduler.register({ name: 'sample', schedule: { cron: null }, run });
    const both = Promise.all([job.runOnce(), job.runOnce()]);
    resolve();
    await both;
    expect(run).toHaveBeenCalledTimes(1);
    await job.runOnce();
    expect(run).toHaveBeenCalledTimes(2);
    expect(await runs(metrics)).toEqual([{ job: 'sample', outcome: 'succeeded', value: 2 }]);
  });

  it('counts every failure and logs the first one per minute', async () => {
    const { scheduler, metrics, error } = createScheduler();
    const job = scheduler.register({
      name: 'sample',
      schedule: { cron: null },
      run: () => Promise.reject(new Error('no luck')),
    });
    await job.runOnce();
    await job.runOnce();
    expect(error).toHaveBeenCalledTimes(1);
    expect(await runs(metrics)).toEqual([{ job: 'sample', outcome: 'failed', value: 2 }]);
  });

  it('rejects a second job of the same name', () => {
    const { scheduler } = createScheduler();
    const definition = { name: 'sample', schedule: { cron: null }, run: async () => undefined };
    scheduler.register(definition);
    expect(() => scheduler.register(definition)).toThrow('registered twice');
  });
});

describe('JobScheduler', () => {
  it('starts timers and crons at startup and removes them at shutdown', async () => {
    const { scheduler, registry } = createScheduler();
    scheduler.register({ name: 'interval', schedule: { everyMs: 60_000 }, run: async () => undefined });
    scheduler.register({ name: 'cron', schedule: { cron: '0 3 * * *' }, run: async () => undefined });
    scheduler.register({ name: 'off', schedule: { cron: null }, run: async () => undefined });
    scheduler.onApplicationBootstrap();
    expect([registry.getIntervals(), [...registry.getCronJobs().keys()]]).toEqual([['interval'], ['cron']]);
    scheduler.onModuleDestroy();
    expect([registry.getIntervals(), [...registry.getCronJobs().keys()]]).toEqual([[], []]);
    await scheduler.onApplicationShutdown();
  });

  it('aborts and awaits the current run, and starts no other', async () => {
    const { scheduler } = createScheduler();
    const { promise, resolve } = deferred();
    let stopped: AbortSignal | undefined;
    const run = jest.fn((signal: AbortSignal) => {
      stopped = signal;
      return promise;
    });
    const job = scheduler.register({ name: 'sample', schedule: { cron: null }, run });
    void job.runOnce();
    scheduler.onModuleDestroy();
    expect(stopped?.aborted).toBe(true);
    let hasEnded = false;
    const ended = scheduler.onApplicationShutdown().then(() => {
      hasEnded = true;
    });
    await job.runOnce();
    await Promise.resolve();
    expect([run.mock.calls.length, hasEnded]).toEqual([1, false]);
    resolve();
    await ended;
  });

  it('keeps jobs for the last requests running until shutdown', async () => {
    const { scheduler } = createScheduler();
    const run = jest.fn(async () => undefined);
    const job = scheduler.register({ name: 'sample', schedule: { cron: null }, run, runsUntilShutdown: true });
    scheduler.onModuleDestroy();
    await job.runOnce();
    expect(run).toHaveBeenCalledTimes(1);
    await scheduler.onApplicationShutdown();
    await job.runOnce();
    expect(run).toHaveBeenCalledTimes(1);
  });

  it('hides timers of jobs for the last requests from Nest, which would end them too early', async () => {
    jest.useFakeTimers();
    try {
      const { scheduler, registry } = createScheduler();
      const run = jest.fn(async () => undefined);
      scheduler.register({ name: 'sample', schedule: { everyMs: 1_000 }, run, runsUntilShutdown: true });
      scheduler.onApplicationBootstrap();
      scheduler.onModuleDestroy();
      expect(registry.getIntervals()).toEqual([]);
      await jest.advanceTimersByTimeAsync(1_000);
      expect(run).toHaveBeenCalledTimes(1);
      await scheduler.onApplicationShutdown();
      await jest.advanceTimersByTimeAsync(5_000);
      expect(run).toHaveBeenCalledTimes(1);
    } finally {
      jest.useRealTimers();
    }
  });

  it('also awaits tracked work of requests, whether it succeeds or fails', async () => {
    const { scheduler } = createScheduler();
    const { promise, resolve } = deferred();
    const tracked = scheduler.track(promise.then(() => Promise.reject(new Error('no luck'))));
    const outcome = expect(tracked).rejects.toThrow('no luck');
    scheduler.onModuleDestroy();
    let hasEnded = false;
    const ended = scheduler.onApplicationShutdown().then(() => {
      hasEnded = true;
    });
    await new Promise((done) => setImmediate(done));
    expect(hasEnded).toBe(false);
    resolve();
    await Promise.all([ended, outcome]);
  });

  it('gives up on a run that never ends, then stops the jobs for the last requests', async () => {
    const { scheduler } = createScheduler();
    const job = scheduler.register({
      name: 'stuck',
      schedule: { cron: null },
      run: () => new Promise(() => undefined),
    });
    const links = jest.fn(async () => undefined);
    const last = scheduler.register({ name: 'last', schedule: { cron: null }, run: links, runsUntilShutdown: true });
    void job.runOnce();
    const now = jest.spyOn(performance, 'now').mockReturnValue(0);
    try {
      scheduler.onModuleDestroy();
      now.mockReturnValue(11_950);
      const ended = scheduler.onApplicationShutdown();
      await last.runOnce();
      expect(links).toHaveBeenCalledTimes(1);
      await ended;
      await last.runOnce();
      expect(links).toHaveBeenCalledTimes(1);
    } finally {
      now.mockRestore();
    }
  });
});
