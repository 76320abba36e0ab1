import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import { Counter, Registry } from 'prom-client';
import { LOGGER, type Pino } from '../logger.ts';
import { BackgroundJob, type JobDefinition } from './background-job.ts';
import { drainWithTimeout } from './drain-with-timeout.ts';

/** Whether this process runs jobs on schedule. The command line does not. */
export const RUNS_JOBS = Symbol('RUNS_JOBS');

/** All periodic jobs of this process. Services register theirs in their constructor. */
@Injectable()
export class JobScheduler implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  readonly #jobs = new Map<string, BackgroundJob>();
  readonly #runs: Counter<'job' | 'outcome'>;
  readonly #tracked = new Set<Promise<unknown>>();
  #stoppedAtMs: number | null = null;

  constructor(
    private readonly scheduler: SchedulerRegistry,
    metrics: Registry,
    @Inject(RUNS_JOBS) private readonly runsJobs: boolean,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {
    this.#runs = new Counter({
      name: 'metavault_background_job_runs_total',
      help: 'Runs of background jobs by outcome (succeeded, failed)',
      labelNames: ['job', 'outcome'],
      registers: [metrics],
    });
  }

  /** @throws Error if the name is taken */
  register(definition: JobDefinition): BackgroundJob {
    if (this.#jobs.has(definition.name)) throw new Error(`background job ${definition.name} is registered twice`);
    const job = new BackgroundJob(definition, this.#runs, this.logger);
    this.#jobs.set(definition.name, job);
    return job;
  }

  /** Makes shutdown wait for work that a request started and that may outlive its client. */
  async track<T>(work: Promise<T>): Promise<T> {
    this.#tracked.add(work);
    try {
      return await work;
    } finally {
      this.#tracked.delete(work);
    }
  }

  onApplicationBootstrap(): void {
    if (this.runsJobs) for (const job of this.#jobs.values()) job.start(this.scheduler);
  }

  onModuleDestroy(): void {
    this.#stoppedAtMs = performance.now();
    for (const job of this.#jobsThat({ runUntilShutdown: false })) job.stop(this.scheduler);
  }

  /** Waits for stopped jobs and tracked work, until 12 s after the stop, so that others can record the results. */
  async drain(): Promise<void> {
    const running = this.#jobsThat({ runUntilShutdown: false }).map((job) => job.running);
    await drainWithTimeout([...running, ...this.#tracked], this.#stoppedAtMs ?? performance.now());
  }

  /** Stops the remaining jobs last, so that they still process the final work of the others, such as audit entries. */
  async onApplicationShutdown(): Promise<void> {
    await this.drain();
    const rest = this.#jobsThat({ runUntilShutdown: true });
    for (const job of rest) job.stop(this.scheduler);
    await Promise.all(rest.map((job) => job.running));
  }

  #jobsThat({ runUntilShutdown }: { runUntilShutdown: boolean }): BackgroundJob[] {
    return [...this.#jobs.values()].filter(
      ({ definition }) => (definition.runsUntilShutdown ?? false) === runUntilShutdown,
    );
  }
}
