import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { JobScheduler, RUNS_JOBS } from '../../platform/jobs/job-scheduler.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { type QueueBatch, QueueClaimer } from '../queue/queue-claimer.ts';
import { DeliverySender } from '../subscribers/delivery-sender.ts';
import { DeliveryWorker } from './delivery-worker.ts';
import { FanOut } from './fan-out.ts';
import { MAX_CONCURRENT_QUEUES, SubscriberConcurrency } from './subscriber-concurrency.ts';

/** The pause after a pass that found nothing: the longest time an event waits in an idle service. */
const IDLE_MS = 500;
/** Between two passes under load, so that queues that become free together are claimed together. */
const BUSY_MS = 10;
/** How long a shutdown waits for requests to subscribers; the rest is aborted, and delivered again by another replica. */
const DRAIN_MS = 5_000;
/** One in this many consecutive failures is logged. */
const LOG_EVERY = 60;

/**
 * Delivers events to subscribers, on every replica at once: fans events out into deliveries, claims queues that are due, and works on many
 * of them concurrently. All of its state is in the database, so it may die at any instruction.
 */
@Injectable()
export class Dispatcher implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #concurrency = new SubscriberConcurrency();
  readonly #activeBatches = new Map<QueueBatch, Promise<void>>();
  #isStopping = false;
  #failures = 0;
  #wake: () => void = () => undefined;
  #loop: Promise<void> | null = null;

  constructor(
    private readonly fanOut: FanOut,
    private readonly claims: QueueClaimer,
    private readonly worker: DeliveryWorker,
    private readonly sender: DeliverySender,
    jobs: JobScheduler,
    @Inject(RUNS_JOBS) private readonly runsJobs: boolean,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {
    jobs.register({
      name: 'delivery-claims',
      schedule: { everyMs: claims.heartbeatMs },
      run: () => this.extend(),
      runsUntilShutdown: true,
    });
  }

  onApplicationBootstrap(): void {
    if (this.runsJobs) this.#loop = this.run();
  }

  /** Starts nothing new, gives requests under way some time, and leaves the rest due. */
  async onApplicationShutdown(): Promise<void> {
    this.#isStopping = true;
    this.#wake();
    const abortTimer = setTimeout(() => this.sender.abortAll(), DRAIN_MS);
    await this.#loop;
    await this.drained();
    clearTimeout(abortTimer);
    await this.sender.close();
  }

  /** One pass: fans out a batch of events and starts on the queues that are due. Returns whether there was anything to do. */
  async poll(): Promise<boolean> {
    const dispatched = await this.fanOut.run();
    const queues = await this.claims.claim(MAX_CONCURRENT_QUEUES, this.#concurrency.remainingSlots());
    if (queues.length > 0) for (const batch of await this.claims.load(queues)) this.start(batch);
    return dispatched + queues.length > 0;
  }

  /** Resolves when no queue is being worked on. */
  async drained(): Promise<void> {
    while (this.#activeBatches.size > 0) await Promise.all(this.#activeBatches.values());
  }

  private async run(): Promise<void> {
    while (!this.#isStopping) {
      const found = await this.tryPoll();
      await this.pause(found ? BUSY_MS : IDLE_MS, found);
    }
  }

  private async tryPoll(): Promise<boolean> {
    try {
      const found = await this.poll();
      this.#failures = 0;
      return found;
    } catch (error) {
      // Events and deliveries stay in the database; claimed queues are due again when their claims run out.
      if (this.#failures++ % LOG_EVERY === 0) this.logger.error({ err: error }, 'events could not be dispatched');
      return false;
    }
  }

  /** Waits, but no longer than until a queue is finished, because then another one may start. */
  private async pause(ms: number, isBusy: boolean): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        if (isBusy && !this.#isStopping) return;
        clearTimeout(timer);
        setTimeout(resolve, this.#isStopping ? 0 : BUSY_MS);
      };
    });
    this.#wake = () => undefined;
  }

  private start(batch: QueueBatch): void {
    // Its subscription is refused; or it is an empty queue, which should not exist, and stays claimed, so that it is not polled over and over.
    if (batch.deliveries.length === 0) return;
    const { subscriptionId } = batch.queue;
    this.#concurrency.start(subscriptionId);
    const done = this.runBatch(batch).finally(() => {
      this.#activeBatches.delete(batch);
      this.#concurrency.finish(subscriptionId);
      this.#wake();
    });
    this.#activeBatches.set(batch, done);
  }

  private async runBatch(batch: QueueBatch): Promise<void> {
    try {
      const isReleased = await this.worker.run(batch, {
        isStopping: () => this.#isStopping,
        reportResponse: (hasResponded) => this.#concurrency.recordResponse(batch.queue.subscriptionId, hasResponded),
      });
      if (!isReleased) await this.claims.release([batch.queue]);
    } catch (error) {
      this.logger.warn({ err: error, subscription_id: batch.queue.subscriptionId }, 'a delivery could not be recorded');
    }
  }

  private extend(): Promise<void> {
    return this.claims.extend([...this.#activeBatches.keys()].map(({ queue }) => queue));
  }
}
