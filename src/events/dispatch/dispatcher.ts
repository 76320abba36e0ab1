import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { JobScheduler, RUNS_JOBS } from '../../platform/jobs/job-scheduler.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { Timers } from '../../platform/timers.ts';
import { type QueueBatch, QueueClaimer } from '../queue/queue-claimer.ts';
import { DeliverySender } from '../subscribers/delivery-sender.ts';
import { DeliveryWorker } from './delivery-worker.ts';
import { FanOut } from './fan-out.ts';
import { MAX_CONCURRENT_QUEUES, SubscriberConcurrency } from './subscriber-concurrency.ts';

/** Pause after a pass that found nothing: the longest an event waits in an idle service. */
const IDLE_MS = 500;
/** Pause between passes under load, so that queues freed together are claimed together. */
const BUSY_MS = 10;
/** How long shutdown waits for open requests. The rest is aborted and redelivered by another replica. */
const DRAIN_MS = 5_000;
/** Log one in this many consecutive failures. */
const LOG_EVERY = 60;

/**
 * Delivers events to subscribers, on every replica: fans events out into deliveries, claims due queues, and works
 * through many of them concurrently. All state is in the database, so a replica may die at any point.
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
    private readonly timers: Timers,
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

  /** Starts nothing new, lets open requests finish for a while, and leaves the rest due. */
  async onApplicationShutdown(): Promise<void> {
    this.#isStopping = true;
    this.#wake();
    const stopTimer = this.timers.start(DRAIN_MS, () => this.sender.abortAll());
    await this.#loop;
    await this.drained();
    stopTimer();
    await this.sender.close();
  }

  /** One pass: fans out a batch of events and starts on due queues. Returns whether it found work. */
  async poll(): Promise<boolean> {
    const dispatched = await this.fanOut.run();
    const queues = await this.claims.claim(MAX_CONCURRENT_QUEUES, this.#concurrency.remainingSlots());
    if (queues.length > 0) for (const batch of await this.claims.load(queues)) this.start(batch);
    return dispatched + queues.length > 0;
  }

  /** Resolves once no queue is being worked on. */
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
      // Events and deliveries are safe in the database. Claimed queues become due again when their claims expire.
      if (this.#failures++ % LOG_EVERY === 0) this.logger.error({ err: error }, 'could not dispatch events');
      return false;
    }
  }

  /** Waits for up to `ms`, or until a queue finishes, because then another may start. */
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
    // Either the subscription's row was refused, or the queue is empty, which should not happen. It stays claimed so
    // that it is not polled over and over.
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
      this.logger.warn({ err: error, subscription_id: batch.queue.subscriptionId }, 'could not record a delivery');
    }
  }

  private extend(): Promise<void> {
    return this.claims.extend([...this.#activeBatches.keys()].map(({ queue }) => queue));
  }
}
