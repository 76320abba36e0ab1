import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock.ts';
import { Random } from '../../platform/random.ts';
import { DecryptionError } from '../../vault/sealed-secret.ts';
import { EventContents } from '../outbox/event-contents.ts';
import { addDescription } from '../outbox/event-data.ts';
import type { DueDelivery } from '../queue/pending-delivery.repository.ts';
import type { ClaimedQueue } from '../queue/queue-claim.repository.ts';
import type { LoadedDelivery, QueueBatch } from '../queue/queue-claimer.ts';
import type { Attempt, SubscriberFault } from '../subscribers/attempt.ts';
import { DeliverySender } from '../subscribers/delivery-sender.ts';
import type { Subscriber } from '../subscribers/subscriber.ts';
import { SubscriberResolver } from '../subscriptions/subscriber-resolver.ts';
import { AttemptRecorder } from './attempt-recorder.ts';
import { classifyAttempt } from './classify-attempt.ts';
import { DeliveryMetrics } from './delivery-metrics.ts';

/** How the dispatcher stops a worker, and what the worker reports back. */
interface WorkerControl {
  /** Checked before each delivery. */
  isStopping(): boolean;
  /** Called after each request with whether any response came. */
  reportResponse(hasResponded: boolean): void;
}

/** Sends a claimed queue's deliveries one at a time, recording each before starting the next. */
@Injectable()
export class DeliveryWorker {
  constructor(
    private readonly subscribers: SubscriberResolver,
    private readonly contents: EventContents,
    private readonly sender: DeliverySender,
    private readonly records: AttemptRecorder,
    private readonly metrics: DeliveryMetrics,
    private readonly clock: Clock,
    private readonly random: Random,
  ) {}

  /**
   * Runs until the queue is empty, a delivery fails, the claim is lost, or `control` stops it. True: recording the last
   * attempt released the queue. False: the caller must release it. Rethrows database errors.
   */
  async run({ queue, deliveries }: QueueBatch, control: WorkerControl): Promise<boolean> {
    for (const [index, delivery] of deliveries.entries()) {
      if (control.isStopping()) return false;
      const startedMs = performance.now();
      const attempt = await this.attempt(queue, delivery);
      if (attempt === null) return false;
      control.reportResponse(attempt.status !== null);
      const now = this.clock.now();
      const of = { failures: delivery.attempts, retryUntil: delivery.retryUntil };
      const verdict = classifyAttempt(attempt, of, now, this.random.fraction());
      const canContinue = verdict.kind === 'delivered' || verdict.kind === 'dead';
      const shouldKeepClaim = canContinue && index < deliveries.length - 1;
      this.metrics.recordAttempt(
        attempt,
        verdict,
        (performance.now() - startedMs) / 1000,
        (now.getTime() - delivery.eventAt.getTime()) / 1000,
      );
      const held = await this.records.record({ queue, deliveryId: delivery.id, attempt, verdict, shouldKeepClaim });
      if (!held || !shouldKeepClaim) return true;
    }
    return false;
  }

  private async attempt(queue: ClaimedQueue, delivery: LoadedDelivery): Promise<Attempt | null> {
    if (!delivery.isWanted) return { status: null, error: 'not_subscribed', retryAfterSeconds: null };
    const subscriber = await this.subscriber(queue);
    if (typeof subscriber === 'string') return toFault(subscriber);
    const data = await this.read(delivery);
    if (data === null) return toFault('payload_unavailable');
    const { eventId: id, type, eventAt: at } = delivery;
    return this.sender.send(subscriber, { id, type, data: addDescription(data, delivery), at });
  }

  /** Null if the payload cannot be opened, which affects only this event. */
  private async read(delivery: DueDelivery): Promise<string | null> {
    try {
      return await this.contents.read(delivery);
    } catch (error) {
      if (error instanceof DecryptionError) return null;
      throw error;
    }
  }

  private async subscriber({ subscriptionId, revision }: ClaimedQueue): Promise<Subscriber | SubscriberFault> {
    try {
      return await this.subscribers.get(subscriptionId, revision);
    } catch (error) {
      // A broken secret affects only this subscription and must not hold up the others.
      if (error instanceof DecryptionError) return 'secret_unavailable';
      throw error;
    }
  }
}

function toFault(error: SubscriberFault): Attempt {
  return { status: null, error, retryAfterSeconds: null };
}
