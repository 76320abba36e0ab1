import { Injectable } from '@nestjs/common';
import { Database, type Transaction } from '../../database/database.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { Ids } from '../../platform/ids.ts';
import { RETRY_WINDOW_SECONDS } from '../deliveries/retry-schedule.ts';
import { matchesFilter, type SubscriptionFilter } from '../subscriptions/subscription.ts';

/** One at a time over all replicas: two could put events of one connection on their way in the wrong order. */
const FAN_OUT_LOCK = 727_005;
/** Events of one transaction. */
const BATCH = 200;
/** Deliveries of one statement. */
const INSERT_BATCH = 5_000;

interface UndispatchedEvent {
  id: string;
  position: string;
  type: string;
  tenant: string | null;
  product: string | null;
  connection_id: string | null;
}

interface NewDelivery {
  subscriptionId: string;
  event: UndispatchedEvent;
}

/**
 * Turns committed events into deliveries, one for each subscription that wants them. Looks for what is not dispatched instead of
 * remembering how far it came: events become visible when their transaction commits, not in the order of their ids.
 */
@Injectable()
export class FanOut {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly ids: Ids,
  ) {}

  /** Dispatches up to one batch; how many events that were. 0: nothing to do, or another replica is at it. */
  async run(): Promise<number> {
    const waiting = await this.database.rows({
      name: 'fan_out_probe',
      text: 'SELECT 1 FROM event WHERE dispatched_at IS NULL LIMIT 1',
    });
    return waiting.length === 0 ? 0 : this.database.transaction((tx) => this.dispatch(tx));
  }

  private async dispatch(tx: Transaction): Promise<number> {
    const [lock] = await tx.rows<{ taken: boolean }>({
      name: 'fan_out_lock',
      text: 'SELECT pg_try_advisory_xact_lock($1) AS taken',
      values: [FAN_OUT_LOCK],
    });
    if (lock?.taken !== true) return 0;
    const events = await tx.rows<UndispatchedEvent>({
      text: `SELECT id, position, type, tenant, product, connection_id FROM event
        WHERE dispatched_at IS NULL ORDER BY position LIMIT $1`,
      values: [BATCH],
    });
    const subscriptions = await tx.rows<SubscriptionFilter & { id: string }>({
      text: `SELECT id, events, tenants, products FROM subscription WHERE status IN ('active', 'paused')`,
    });
    const deliveries = events.flatMap((event) =>
      subscriptions.filter((each) => matchesFilter(each, event)).map(({ id }) => ({ subscriptionId: id, event })),
    );
    for (let start = 0; start < deliveries.length; start += INSERT_BATCH) {
      await this.insert(tx, deliveries.slice(start, start + INSERT_BATCH));
    }
    await tx.run({
      text: 'UPDATE event SET dispatched_at = $2 WHERE id = ANY ($1)',
      values: [events.map(({ id }) => id), this.clock.now()],
    });
    return events.length;
  }

  private async insert(tx: Transaction, deliveries: readonly NewDelivery[]): Promise<void> {
    const now = this.clock.now();
    await tx.run({
      text: `INSERT INTO delivery (id, subscription_id, event_id, event_position, ordering_key, status, retry_until, created_at)
        SELECT id, subscription_id, event_id, event_position, ordering_key, 'pending', $6, $7
        FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[])
          AS d(id, subscription_id, event_id, event_position, ordering_key)
        ON CONFLICT (event_id, subscription_id) DO NOTHING`,
      values: [
        deliveries.map(() => this.ids.next('dlv')),
        deliveries.map(({ subscriptionId }) => subscriptionId),
        deliveries.map(({ event }) => event.id),
        deliveries.map(({ event }) => event.position),
        deliveries.map(({ event }) => orderingKeyOf(event)),
        addSeconds(now, RETRY_WINDOW_SECONDS),
        now,
      ],
    });
    await ensureQueues(
      tx,
      deliveries.map(({ subscriptionId, event }) => ({ subscriptionId, orderingKey: orderingKeyOf(event) })),
      now,
    );
  }
}

function orderingKeyOf(event: UndispatchedEvent): string {
  return event.connection_id ?? event.id;
}

/**
 * Makes sure that queues with new pending deliveries are looked at. A queue that exists is locked until the transaction ends, so that
 * nobody takes it for empty meanwhile; its claim and its back-off stay. In key order, as `AttemptRecorder` locks them.
 */
export async function ensureQueues(
  tx: Transaction,
  queues: readonly { subscriptionId: string; orderingKey: string }[],
  dueAt: Date,
): Promise<void> {
  await tx.run({
    text: `INSERT INTO delivery_queue (subscription_id, ordering_key, due_at)
      SELECT DISTINCT l.subscription_id COLLATE "C", l.ordering_key COLLATE "C", $3::timestamptz
      FROM unnest($1::text[], $2::text[]) AS l(subscription_id, ordering_key) ORDER BY 1, 2
      ON CONFLICT (subscription_id, ordering_key) DO UPDATE SET due_at = delivery_queue.due_at`,
    values: [queues.map(({ subscriptionId }) => subscriptionId), queues.map(({ orderingKey }) => orderingKey), dueAt],
  });
}

/** Waits until no replica dispatches, and keeps all from it until the transaction ends: for what decides which deliveries there may be. */
export async function lockFanOut(tx: Transaction): Promise<void> {
  await tx.run({ name: 'fan_out_hold', text: 'SELECT pg_advisory_xact_lock($1)', values: [FAN_OUT_LOCK] });
}
