import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { DeliveryId, SubscriptionId } from '../ids.ts';
import type { QueueKey } from './delivery-queue.repository.ts';

/** Whether event `e` still has its data. */
const HAS_CONTENT = sql`(e.data IS NOT NULL OR e.payload IS NOT NULL)`;

/** Whether subscription `s` receives event `e`: `matchesFilter` in SQL. */
const EVENT_MATCHES_SUBSCRIPTION = sql`(e.type = ANY (s.events)
  AND (s.tenants IS NULL OR coalesce(e.tenant = ANY (s.tenants), false))
  AND (s.products IS NULL OR coalesce(e.product = ANY (s.products), false)))`;

const resetForReplay = defineStatement<
  { ids: readonly DeliveryId[]; retryUntil: Date },
  { subscription_id: SubscriptionId; ordering_key: string }
>(
  'delivery_reset_for_replay',
  ({ ids, retryUntil }) => sql`
    UPDATE delivery d SET status = 'pending', attempts = 0, next_attempt_at = NULL, delivered_at = NULL, retry_until = ${retryUntil}
    FROM event e, subscription s
    WHERE d.id = ANY (${ids}::text[]) AND e.id = d.event_id AND s.id = d.subscription_id AND ${EVENT_MATCHES_SUBSCRIPTION}
      AND ${HAS_CONTENT}
    RETURNING d.subscription_id, d.ordering_key`,
);

const selectContent = defineStatement<{ id: DeliveryId }, { found: number }>(
  'delivery_has_content',
  ({ id }) =>
    sql`SELECT 1 AS found FROM delivery d JOIN event e ON e.id = d.event_id WHERE d.id = ${id} AND ${HAS_CONTENT}`,
);

const deleteUnwanted = defineStatement<{ subscriptionId: SubscriptionId }>(
  'delivery_delete_unwanted',
  ({ subscriptionId }) => sql`
    DELETE FROM delivery d USING event e, subscription s
    WHERE d.subscription_id = ${subscriptionId} AND s.id = d.subscription_id AND d.status = 'pending' AND e.id = d.event_id
      AND NOT ${EVENT_MATCHES_SUBSCRIPTION}`,
);

/**
 * Makes deliveries pending again; returns their queues. Skips those that no longer match the subscription's filter (it
 * may have lost access to the tenant) or whose events' data is gone.
 */
export async function resetDeliveries(
  executor: SqlExecutor,
  ids: readonly DeliveryId[],
  retryUntil: Date,
): Promise<QueueKey[]> {
  const rows = await executor.rows(resetForReplay({ ids, retryUntil }));
  return rows.map((row) => ({ subscriptionId: row.subscription_id, orderingKey: row.ordering_key }));
}

/** Whether the delivery's event still has its data. */
export async function hasContent(executor: SqlExecutor, id: DeliveryId): Promise<boolean> {
  return (await executor.rows(selectContent({ id }))).length > 0;
}

/** Deletes pending deliveries that no longer match the subscription's stored filter. */
export async function deleteUnwantedDeliveries(executor: SqlExecutor, subscriptionId: SubscriptionId): Promise<void> {
  await executor.run(deleteUnwanted({ subscriptionId }));
}
