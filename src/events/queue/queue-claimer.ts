import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.ts';
import { Database } from '../../database/database.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { Ids } from '../../platform/ids.ts';
import type { QueueKey } from './delivery-queue.repository.ts';
import { type DueDelivery, listDueDeliveries } from './pending-delivery.repository.ts';
import { type ClaimedQueue, claimDueQueues, extendQueueClaims, releaseQueueClaims } from './queue-claim.repository.ts';

/** A claimed queue with its next deliveries, in order. */
export interface QueueBatch {
  queue: ClaimedQueue;
  deliveries: DueDelivery[];
}

/** Deliveries read from a queue at once, by number and by size of their events. */
const BATCH_LIMITS = { maxDeliveries: 20, maxBytes: 256 * 1024 } as const;

/** Claims due queues with a deadline: if a replica dies, others take them over. */
@Injectable()
export class QueueClaimer {
  readonly #claimSeconds: number;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly ids: Ids,
    config: Config,
  ) {
    this.#claimSeconds = config.claimSeconds;
  }

  /**
   * Claims queues that are due, the longest due first, up to `slots` per active subscription, or the number that `slotLimits` has for it.
   */
  claim(slots: number, slotLimits: ReadonlyMap<string, number>): Promise<ClaimedQueue[]> {
    const now = this.clock.now();
    const claim = { id: this.ids.next('clm'), deadline: this.deadline(now), slots, slotLimits };
    return claimDueQueues(this.database, claim, now);
  }

  /**
   * The next deliveries of claimed queues. Not part of the claiming statement, whose snapshot can be older than its lock and would show as
   * pending what another replica has just delivered.
   */
  async load(queues: readonly ClaimedQueue[]): Promise<QueueBatch[]> {
    const batches = new Map<string, QueueBatch>(queues.map((queue) => [keyOf(queue), { queue, deliveries: [] }]));
    for (const { queue, delivery } of await listDueDeliveries(this.database, queues, BATCH_LIMITS)) {
      batches.get(keyOf(queue))?.deliveries.push(delivery);
    }
    return [...batches.values()];
  }

  /** Extends the deadline of queues that are still being worked on. */
  async extend(queues: readonly ClaimedQueue[]): Promise<void> {
    if (queues.length > 0) await extendQueueClaims(this.database, queues, this.deadline(this.clock.now()));
  }

  /** Releases queues, due at once. */
  async release(queues: readonly ClaimedQueue[]): Promise<void> {
    if (queues.length > 0) await releaseQueueClaims(this.database, queues, this.clock.now());
  }

  /** How often `extend` must be called. */
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
