import type { SchedulerRegistry } from '@nestjs/schedule';
import { CronJob } from 'cron';
import type { Counter } from 'prom-client';
import type { Pino } from '../logger.ts';
import { AppError } from '../problem.ts';

/** An interval in milliseconds, or a cron expression of five fields in UTC. `null` cron: only on request. */
type JobSchedule = { everyMs: number } | { cron: string | null };

export interface JobDefinition {
  /** Kebab-case and unique in the process. Used in the scheduler registry, the log and the metric. */
  name: string;
  schedule: JobSchedule;
  /** One run. Must start nothing new once `signal` is aborted. Errors are logged, and the next tick tries again. */
  run(signal: AbortSignal): Promise<void>;
  /** A run may begin while another is in progress: for work that keeps its own parts from running twice at once. */
  mayOverlap?: boolean;
  /** Keep running until the last request has ended, for work that requests cause (the audit chain). */
  runsUntilShutdown?: boolean;
}

/** A job that keeps failing is logged at most once per interval. */
const LOG_INTERVAL_MS = 60_000;

/**
 * A periodic job of one replica: runs do not overlap unless it says so, failures are logged (throttled) and counted, an
 * `AbortSignal` stops it. Create it with `JobScheduler.register`.
 */
export class BackgroundJob {
  readonly #stopping = new AbortController();
  #running: Promise<void> | null = null;
  readonly #overlapping = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #lastLoggedAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    readonly definition: JobDefinition,
    private readonly runs: Counter<'job' | 'outcome'>,
    private readonly logger: Pino,
  ) {}

  /**
   * Starts the job. Jobs that run until shutdown stay out of Nest's registry, whose timers end before the last
   * requests.
   */
  start(registry: SchedulerRegistry): void {
    const { name, schedule, runsUntilShutdown } = this.definition;
    if ('everyMs' in schedule) {
      this.#timer = setInterval(() => void this.runOnce(), schedule.everyMs).unref();
      if (runsUntilShutdown !== true) registry.addInterval(name, this.#timer);
    } else if (schedule.cron !== null) {
      const onTick = (): Promise<void> => this.runOnce();
      registry.addCronJob(name, CronJob.from({ cronTime: schedule.cron, timeZone: 'UTC', onTick, start: true }));
    }
  }

  /** Runs now, or joins the current run unless runs may overlap. Does nothing once stopped. Never rejects. */
  runOnce(): Promise<void> {
    if (this.#stopping.signal.aborted) return Promise.resolve();
    if (this.definition.mayOverlap === true) return this.#runBeside();
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  /** Ends the timer and aborts the signal, so the current run starts nothing new. */
  stop(registry: SchedulerRegistry): void {
    this.#stopping.abort();
    clearInterval(this.#timer);
    const { name } = this.definition;
    if (registry.doesExist('interval', name)) registry.deleteInterval(name);
    if (registry.doesExist('cron', name)) registry.deleteCronJob(name);
  }

  /** Resolves once no run is in progress. */
  get running(): Promise<void> {
    return Promise.all([...this.#overlapping, this.#running]).then(() => undefined);
  }

  #runBeside(): Promise<void> {
    const run = this.#run().finally(() => this.#overlapping.delete(run));
    this.#overlapping.add(run);
    return run;
  }

  async #run(): Promise<void> {
    const job = this.definition.name;
    try {
      await this.definition.run(this.#stopping.signal);
      this.runs.inc({ job, outcome: 'succeeded' });
    } catch (error) {
      this.runs.inc({ job, outcome: 'failed' });
      if (error instanceof AppError && error.occurrence.isLogged) return;
      if (performance.now() - this.#lastLoggedAtMs < LOG_INTERVAL_MS) return;
      this.#lastLoggedAtMs = performance.now();
      this.logger.error({ err: error, job }, 'background job failed; will retry at the next tick');
    }
  }
}
