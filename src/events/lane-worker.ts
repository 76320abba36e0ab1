import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock.ts';
import { Random } from '../platform/random.ts';
import type { ClaimedLane, DueDelivery, LaneWork } from './delivery-claims.ts';
import { DeliveryMetrics } from './delivery-metrics.ts';
import { DeliveryRecords } from './delivery-records.ts';
import { type Attempt, judgeAttempt } from './judge-attempt.ts';
import { SendDelivery } from './send-delivery.ts';
import { type Subscriber, type SubscriberFault, Subscribers } from './subscribers.ts';

/** What whoever runs a worker may tell it, and hears of it. */
export interface LaneWatch {
  /** Whether to stop before the next delivery. */
  isStopping(): boolean;
  /** After each request: whether any answer came. */
  noteAnswer(answered: boolean): void;
}

/** Makes the deliveries of one claimed lane, one after the other, each recorded before the next begins. */
@Injectable()
export class LaneWorker {
  constructor(
    private readonly subscribers: Subscribers,
    private readonly sender: SendDelivery,
    private readonly records: DeliveryRecords,
    private readonly metrics: DeliveryMetrics,
    private readonly clock: Clock,
    private readonly random: Random,
  ) {}

  /**
   * Until the lane is done, fails, is lost, or `watch` says stop. True: the lane has been left as its record says. False: it is
   * still claimed, and for the caller to release. Throws what the database throws.
   */
  async run({ lane, deliveries }: LaneWork, watch: LaneWatch): Promise<boolean> {
    for (const [index, delivery] of deliveries.entries()) {
      if (watch.isStopping()) return false;
      const startedMs = performance.now();
      const attempt = await this.attempt(lane, delivery);
      if (attempt === null) return false;
      watch.noteAnswer(attempt.status !== null);
      const now = this.clock.now();
      const of = { failures: delivery.attempts, retryUntil: delivery.retryUntil };
      const verdict = judgeAttempt(attempt, of, now, this.random.fraction());
      const goesOn = verdict.kind === 'delivered' || verdict.kind === 'dead';
      const keepLane = goesOn && index < deliveries.length - 1;
      this.metrics.attempted(
        attempt,
        verdict,
        (performance.now() - startedMs) / 1000,
        (now.getTime() - delivery.eventAt.getTime()) / 1000,
      );
      const held = await this.records.record({ lane, deliveryId: delivery.id, attempt, verdict, keepLane });
      if (!held || !keepLane) return true;
    }
    return false;
  }

  private async attempt(lane: ClaimedLane, delivery: DueDelivery): Promise<Attempt | null> {
    const subscriber = await this.subscriber(lane);
    if (typeof subscriber === 'string') return { status: null, error: subscriber, retryAfterSeconds: null };
    const { eventId: id, type, data, eventAt: at } = delivery;
    return this.sender.send(subscriber, { id, type, data, at });
  }

  private async subscriber({ subscriptionId, revision }: ClaimedLane): Promise<Subscriber | SubscriberFault> {
    try {
      return await this.subscribers.get(subscriptionId, revision);
    } catch (error) {
      // A seal that does not open stays so for this subscription; it must not hold up the others.
      if ((error as Error).name === 'SealBroken') return 'secret_unavailable';
      throw error;
    }
  }
}
