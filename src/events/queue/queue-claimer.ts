import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.ts';
import { Database } from '../../database/database.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { Ids } from '../../platform/ids.ts';
import { matchesFilter } from '../outbox/subscription-filter.ts';
import { SubscriptionRepository } from '../subscriptions/subscription.repository.ts';
import type { QueueKey } from './delivery-queue.repository.ts';
import { type DueDelivery, listDueDeliveries } from './pending-delivery.repository.ts';
import { type ClaimedQueue, claimDueQueues, extendQueueClaims, releaseQueueClaims } from './queue-claim.repository.ts';

/** A claimed queue with its next deliveries in order. None if the subscription's row fails its integrity check. */
export interface QueueBatch {
  queue: ClaimedQueue;
  deliveries: LoadedDelivery[];
}

export interface LoadedDelivery extends DueDelivery {
  /** Whether the subscription really gets such events, no matter who wrote the delivery's row. */
  isWanted: boolean;
}

/** Deliveries read from a queue at once, by count and by total size of their events. */
const BATCH_LIMITS = { maxDeliveries: 20, maxBytes: 256 * 1024 } as const;

/** How long queues rest if their subscription's row fails its integrity check. */
const REFUSED_SECONDS = 10;

/** Claims due queues with a deadline, so that other replicas take over when one dies. */
@Injectable()
export class QueueClaimer {
  readonly #claimSeconds: number;

  constructor(
    private readonly database: Database,
    private readonly subscriptions: SubscriptionRepository,
    private readonly clock: Clock,
    private readonly ids: Ids,
    config: Config,
  ) {
    this.#claimSeconds = config.claimSeconds;
  }

  /** Claims due queues, longest due first, up to `slots` per active subscription, or its number in `slotLimits`. */
  claim(slots: number, slotLimits: ReadonlyMap<string, number>): Promise<ClaimedQueue[]> {
    const now = this.clock.now();
    const claim = { id: this.ids.next('clm'), deadline: this.deadline(now), slots, slotLimits };
    return claimDueQueues(this.database, claim, now);
  }

  /**
   * Loads the next deliveries of claimed queues. Not part of the claiming statement: its snapshot may be older than its
   * lock and show as pending what another replica just delivered. Subscriptions are read again with their MACs checked,
   * since anyone who can write to the database could have changed what the claim saw. Queues of refused ones get no
   * deliveries and are released for a while.
   */
  async load(queues: readonly ClaimedQueue[]): Promise<QueueBatch[]> {
    const batches = new Map<string, QueueBatch>(queues.map((queue) => [keyOf(queue), { queue, deliveries: [] }]));
    const ids = [...new Set(queues.map(({ subscriptionId }) => subscriptionId))];
    const subscriptions = await this.subscriptions.findAll(this.database, ids);
    const isActive = ({ subscriptionId }: QueueKey) => subscriptions.get(subscriptionId)?.status === 'active';
    const [active, refused] = [queues.filter(isActive), queues.filter((queue) => !isActive(queue))];
    if (refused.length > 0)
      await releaseQueueClaims(this.database, refused, addSeconds(this.clock.now(), REFUSED_SECONDS));
    for (const { queue, delivery } of await listDueDeliveries(this.database, active, BATCH_LIMITS)) {
      const subscription = subscriptions.get(queue.subscriptionId);
      const isWanted = subscription !== undefined && matchesFilter(subscription, delivery);
      batches.get(keyOf(queue))?.deliveries.push({ ...delivery, isWanted });
    }
    return [...batches.values()];
  }

  /** Extends the claims of queues still being worked on. */
  async extend(queues: readonly ClaimedQueue[]): Promise<void> {
    if (queues.length > 0) await extendQueueClaims(this.database, queues, this.deadline(this.clock.now()));
  }

  /** Releases queues, which are then due at once. */
  async release(queues: readonly ClaimedQueue[]): Promise<void> {
    if (queues.length > 0) await releaseQueueClaims(this.database, queues, this.clock.now());
  }

  /** How often to call `extend`. */
  get heartbeatMs(): number {
    return (this.#claimSeconds * 1000) / 3;
  }

  private deadline(now: Date): Date {
    return addSeconds(now, this.#claimSeconds);
  }
}

function keyOf({ subscriptionId, orderingKey }: QueueKey): string {
  return `${subscriptionId} ${orderingKey}`;
}
