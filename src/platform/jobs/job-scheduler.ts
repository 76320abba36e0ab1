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

/** Whether this process runs its jobs on schedule. The command line's application context does not. */
export const RUNS_JOBS = Symbol('RUNS_JOBS');

/** Every periodic job of this process. Services register theirs in their constructor. */
@Injectable()
export class JobScheduler implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  readonly #jobs = new Map<string, BackgroundJob>();
  readonly #runs: Counter<'job' | 'outcome'>;

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

  onApplicationBootstrap(): void {
    if (this.runsJobs) for (const job of this.#jobs.values()) job.start(this.scheduler);
  }

  onModuleDestroy(): void {
    for (const job of this.#jobs.values()) if (job.definition.runsUntilShutdown !== true) job.stop(this.scheduler);
  }

  /** The replica limits how long this may take (see `bootstrap/replica.ts`); other replicas take over the rest when its claims run out. */
  async onApplicationShutdown(): Promise<void> {
    for (const job of this.#jobs.values()) job.stop(this.scheduler);
    await Promise.all([...this.#jobs.values()].map((job) => job.running));
  }
}
