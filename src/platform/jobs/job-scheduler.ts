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

/** Whether this process runs its jobs on schedule. The command line's application context does not. */
export const RUNS_JOBS = Symbol('RUNS_JOBS');

/** Every periodic job of this process. Services register theirs in their constructor. */
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

  /** Has a shutdown wait for work like a job's that a request started, whose client may be gone before it ends. */
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

  /** Waits for the jobs that stopped first and for tracked work, until 12 seconds after their stop. For those who write down what such jobs learn. */
  async drain(): Promise<void> {
    const running = this.#jobsThat({ runUntilShutdown: false }).map((job) => job.running);
    await drainWithTimeout([...running, ...this.#tracked], this.#stoppedAtMs ?? performance.now());
  }

  /** The others stop when those have ended, whose last work (audit entries, say) they still see. */
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
