import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { PayloadKeyId } from '../../vault/ids.ts';
import type { DeliveryId, EventId, SubscriptionId } from '../ids.ts';
import type { StoredContent } from '../outbox/event-contents.ts';
import type { EventDescription } from '../outbox/event-data.ts';
import type { EventType } from '../outbox/event-type.ts';
import type { QueueKey } from './delivery-queue.repository.ts';
import type { DeliveryError, DeliveryStatus } from './delivery-status.ts';

/** A delivery to insert. */
export interface NewDelivery extends QueueKey {
  id: DeliveryId;
  eventId: EventId;
  eventPosition: string;
}

/** A delivery to send now. */
export interface DueDelivery extends StoredContent, EventDescription {
  id: DeliveryId;
  attempts: number;
  retryUntil: Date;
  eventId: EventId;
  type: EventType;
  tenant: string | null;
  product: string | null;
  eventAt: Date;
}

/** What one attempt changes in its delivery. */
export interface DeliveryAttempt {
  deliveryId: DeliveryId;
  status: DeliveryStatus;
  httpStatus: number | null;
  error: DeliveryError | null;
  nextAttemptAt: Date | null;
}

const insert = defineStatement<{
  ids: readonly DeliveryId[];
  subscriptionIds: readonly SubscriptionId[];
  eventIds: readonly EventId[];
  eventPositions: readonly string[];
  orderingKeys: readonly string[];
  retryUntil: Date;
  now: Date;
}>(
  'delivery_insert',
  ({ ids, subscriptionIds, eventIds, eventPositions, orderingKeys, retryUntil, now }) => sql`
    INSERT INTO delivery (id, subscription_id, event_id, event_position, ordering_key, status, retry_until, created_at)
    SELECT id, subscription_id, event_id, event_position, ordering_key, 'pending', ${retryUntil}::timestamptz, ${now}::timestamptz
    FROM unnest(${ids}::text[], ${subscriptionIds}::text[], ${eventIds}::text[], ${eventPositions}::bigint[], ${orderingKeys}::text[])
      AS d(id, subscription_id, event_id, event_position, ordering_key)
    ON CONFLICT (event_id, subscription_id) DO NOTHING`,
);

/** A queue's next deliveries with their events. */
interface DueRow extends EventDescription {
  subscription_id: SubscriptionId;
  ordering_key: string;
  id: DeliveryId;
  attempts: number;
  retry_until: Date;
  event_id: EventId;
  event_position: string;
  type: EventType;
  tenant: string | null;
  product: string | null;
  data: string | null;
  payload: Buffer | null;
  payload_key_id: PayloadKeyId | null;
  event_at: Date;
  bytes_before: string;
}

const selectDue = defineStatement<
  {
    subscriptionIds: readonly SubscriptionId[];
    orderingKeys: readonly string[];
    maxDeliveries: number;
    maxBytes: number;
  },
  DueRow
>(
  'delivery_select_due',
  ({ subscriptionIds, orderingKeys, maxDeliveries, maxBytes }) => sql`
    SELECT c.subscription_id, c.ordering_key, d.* FROM unnest(${subscriptionIds}::text[], ${orderingKeys}::text[])
      AS c(subscription_id, ordering_key)
    CROSS JOIN LATERAL (
      SELECT p.id, p.attempts, p.retry_until, p.event_id, p.event_position, e.type, e.tenant, e.product, e.data::text AS data, e.payload,
        e.payload_key_id, e.reference, e.metadata::text AS metadata, e.app_id, e.created_at AS event_at, sum(e.bytes) OVER (ORDER BY p.event_position) - e.bytes AS bytes_before
      FROM (
        SELECT id, attempts, retry_until, event_id, event_position FROM delivery
        WHERE subscription_id = c.subscription_id AND ordering_key = c.ordering_key AND status = 'pending'
        ORDER BY event_position LIMIT ${maxDeliveries}
      ) p
      CROSS JOIN LATERAL (SELECT type, tenant, product, data, payload, payload_key_id, created_at,
        reference, metadata, app_id,
        coalesce(octet_length(payload), octet_length(data::text), 0) + coalesce(octet_length(metadata::text), 0) AS bytes FROM event WHERE id = p.event_id) e
    ) d
    WHERE d.bytes_before < ${maxBytes} ORDER BY c.subscription_id, c.ordering_key, d.event_position`,
);

const recordAttempts = defineStatement<{
  deliveryIds: readonly DeliveryId[];
  statuses: readonly DeliveryStatus[];
  httpStatuses: readonly (number | null)[];
  errors: readonly (DeliveryError | null)[];
  nextAttemptAts: readonly (Date | null)[];
  now: Date;
}>(
  'delivery_record_attempts',
  ({ deliveryIds, statuses, httpStatuses, errors, nextAttemptAts, now }) => sql`
    UPDATE delivery d SET status = o.status, attempts = d.attempts + 1, last_attempt_at = ${now}, last_status = o.http_status,
      last_error = o.error, next_attempt_at = o.next_attempt_at,
      delivered_at = CASE WHEN o.status = 'delivered' THEN ${now}::timestamptz END
    FROM unnest(${deliveryIds}::text[], ${statuses}::text[], ${httpStatuses}::int[], ${errors}::text[], ${nextAttemptAts}::timestamptz[])
      AS o(id, status, http_status, error, next_attempt_at)
    WHERE d.id = o.id AND d.status = 'pending'`,
);

const markDeadOfEnded = defineStatement<{ limit: number }>(
  'delivery_mark_dead_of_ended',
  ({ limit }) => sql`
    UPDATE delivery SET status = 'dead', last_error = 'subscription_ended', next_attempt_at = NULL WHERE id IN (
      SELECT d.id FROM subscription s JOIN delivery d ON d.subscription_id = s.id
      WHERE s.status = 'ended' AND d.status = 'pending' LIMIT ${limit})`,
);

const deleteOfDeleted = defineStatement<{ limit: number }>(
  'delivery_delete_of_deleted',
  ({ limit }) => sql`
    DELETE FROM delivery WHERE id IN (SELECT d.id FROM subscription s JOIN delivery d ON d.subscription_id = s.id
      WHERE s.status = 'deleted' LIMIT ${limit})`,
);

/** Inserts pending deliveries; skips those that already exist for their event and subscription. */
export async function insertDeliveries(
  executor: SqlExecutor,
  deliveries: readonly NewDelivery[],
  { retryUntil, now }: { retryUntil: Date; now: Date },
): Promise<void> {
  await executor.run(
    insert({
      ids: deliveries.map(({ id }) => id),
      subscriptionIds: deliveries.map(({ subscriptionId }) => subscriptionId),
      eventIds: deliveries.map(({ eventId }) => eventId),
      eventPositions: deliveries.map(({ eventPosition }) => eventPosition),
      orderingKeys: deliveries.map(({ orderingKey }) => orderingKey),
      retryUntil,
      now,
    }),
  );
}

/** The next deliveries of each queue, in order, up to these limits per queue but at least one. */
export async function listDueDeliveries(
  executor: SqlExecutor,
  queues: readonly QueueKey[],
  limits: { maxDeliveries: number; maxBytes: number },
): Promise<{ queue: QueueKey; delivery: DueDelivery }[]> {
  const rows = await executor.rows(
    selectDue({
      subscriptionIds: queues.map(({ subscriptionId }) => subscriptionId),
      orderingKeys: queues.map(({ orderingKey }) => orderingKey),
      ...limits,
    }),
  );
  return rows.map((row) => ({
    queue: { subscriptionId: row.subscription_id, orderingKey: row.ordering_key },
    delivery: {
      id: row.id,
      attempts: row.attempts,
      retryUntil: row.retry_until,
      eventId: row.event_id,
      type: row.type,
      tenant: row.tenant,
      product: row.product,
      data: row.data,
      payload: row.payload,
      payloadKeyId: row.payload_key_id,
      reference: row.reference,
      metadata: row.metadata,
      app_id: row.app_id,
      eventAt: row.event_at,
    },
  }));
}

/** Records one attempt for each delivery that is still pending. */
export async function recordDeliveryAttempts(
  executor: SqlExecutor,
  attempts: readonly DeliveryAttempt[],
  now: Date,
): Promise<void> {
  await executor.run(
    recordAttempts({
      deliveryIds: attempts.map(({ deliveryId }) => deliveryId),
      statuses: attempts.map(({ status }) => status),
      httpStatuses: attempts.map(({ httpStatus }) => httpStatus),
      errors: attempts.map(({ error }) => error),
      nextAttemptAts: attempts.map(({ nextAttemptAt }) => nextAttemptAt),
      now,
    }),
  );
}

/** Marks up to `limit` pending deliveries of ended subscriptions as dead; returns how many. */
export function markDeliveriesOfEndedDead(executor: SqlExecutor, limit: number): Promise<number> {
  return executor.run(markDeadOfEnded({ limit }));
}

/** Deletes up to `limit` deliveries of deleted subscriptions in any status; returns how many. */
export function deleteDeliveriesOfDeleted(executor: SqlExecutor, limit: number): Promise<number> {
  return executor.run(deleteOfDeleted({ limit }));
}
