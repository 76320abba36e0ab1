import { Injectable } from '@nestjs/common';
import { Database, type Transaction } from '../../database/database.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { Ids } from '../../platform/ids.ts';
import { RETRY_WINDOW_SECONDS } from '../deliveries/retry-schedule.ts';
import type { SubscriptionId } from '../ids.ts';
import {
  hasUndispatchedEvents,
  listUndispatchedEvents,
  markDispatched,
  type UndispatchedEvent,
} from '../outbox/event.repository.ts';
import { PayloadRetention } from '../outbox/payload-retention.ts';
import { matchesFilter } from '../outbox/subscription-filter.ts';
import { ensureQueues } from '../queue/delivery-queue.repository.ts';
import { tryLockFanOut } from '../queue/fan-out-lock.query.ts';
import { insertDeliveries, type NewDelivery } from '../queue/pending-delivery.repository.ts';
import { SubscriptionRepository } from '../subscriptions/subscription.repository.ts';

/** Events per transaction. */
const BATCH = 200;
/** Deliveries per statement. */
const INSERT_BATCH = 5_000;

/**
 * Fans committed events out into deliveries, one per matching subscription. Queries for undispatched events instead of
 * tracking a position, because events become visible in commit order, not in id order.
 */
@Injectable()
export class FanOut {
  constructor(
    private readonly database: Database,
    private readonly subscriptions: SubscriptionRepository,
    private readonly clock: Clock,
    private readonly ids: Ids,
    private readonly payloads: PayloadRetention,
  ) {}

  /** Dispatches up to one batch; returns the number of events. 0: nothing to do, or another replica is dispatching. */
  async run(): Promise<number> {
    if (!(await hasUndispatchedEvents(this.database))) return 0;
    return this.database.transaction((tx) => this.dispatch(tx));
  }

  private async dispatch(tx: Transaction): Promise<number> {
    if (!(await tryLockFanOut(tx))) return 0;
    const events = await listUndispatchedEvents(tx, BATCH);
    const subscriptions = await this.subscriptions.listFilters(tx);
    const deliveries = events.flatMap((event) =>
      subscriptions.filter((each) => matchesFilter(each, event)).map(({ id }) => this.toDelivery(id, event)),
    );
    for (let start = 0; start < deliveries.length; start += INSERT_BATCH) {
      const batch = deliveries.slice(start, start + INSERT_BATCH);
      const now = this.clock.now();
      await insertDeliveries(tx, batch, { retryUntil: addSeconds(now, RETRY_WINDOW_SECONDS), now });
      await ensureQueues(tx, batch, now);
    }
    const eventIds = events.map(({ id }) => id);
    await markDispatched(tx, eventIds, this.clock.now());
    await this.payloads.dropUnwanted(tx, eventIds);
    return events.length;
  }

  private toDelivery(subscriptionId: SubscriptionId, event: UndispatchedEvent): NewDelivery {
    return {
      id: this.ids.next('dlv'),
      subscriptionId,
      eventId: event.id,
      eventPosition: event.position,
      orderingKey: event.connection_id ?? event.id,
    };
  }
}
