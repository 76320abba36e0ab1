import sql, { type Sql } from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { DeliveryId, SubscriptionId } from '../ids.ts';

/** Identifies a queue: one subscription's deliveries that are sent one after the other. */
export interface QueueKey {
  subscriptionId: SubscriptionId;
  /** The connection's id, or the event's if it has none. */
  orderingKey: string;
}

/**
 * Statements over queues and deliveries are not prepared: a plan cached while the tables were empty would scan them
 * whole once they are full. Planning is cheap next to the many rows of each statement.
 */

/** Queues as the columns of one statement. */
export interface QueueColumns {
  subscriptionIds: readonly SubscriptionId[];
  orderingKeys: readonly string[];
}

const insertQueues = defineStatement<QueueColumns & { dueAt: Date }>(
  'delivery_queue_insert',
  ({ subscriptionIds, orderingKeys, dueAt }) => sql`
    INSERT INTO delivery_queue (subscription_id, ordering_key, due_at)
    SELECT DISTINCT l.subscription_id COLLATE "C", l.ordering_key COLLATE "C", ${dueAt}::timestamptz
    FROM unnest(${subscriptionIds}::text[], ${orderingKeys}::text[]) AS l(subscription_id, ordering_key) ORDER BY 1, 2
    ON CONFLICT (subscription_id, ordering_key) DO UPDATE SET due_at = delivery_queue.due_at`,
);

/** Whether nothing is pending in queue `l`. */
const IS_EMPTY = sql`NOT EXISTS (SELECT 1 FROM delivery d
  WHERE d.subscription_id = l.subscription_id AND d.ordering_key = l.ordering_key AND d.status = 'pending')`;

const deleteEmpty = defineStatement<QueueColumns>(
  'delivery_queue_delete_empty',
  ({ subscriptionIds, orderingKeys }) => sql`
    DELETE FROM delivery_queue l USING unnest(${subscriptionIds}::text[], ${orderingKeys}::text[]) AS c(subscription_id, ordering_key)
    WHERE l.subscription_id = c.subscription_id AND l.ordering_key = c.ordering_key AND ${IS_EMPTY}`,
);

const deleteEmptyOfSubscription = defineStatement<{ subscriptionId: SubscriptionId }>(
  'delivery_queue_delete_empty_of_subscription',
  ({ subscriptionId }) => sql`DELETE FROM delivery_queue l WHERE l.subscription_id = ${subscriptionId} AND ${IS_EMPTY}`,
);

const deleteOfSubscription = defineStatement<{ subscriptionId: SubscriptionId }>(
  'delivery_queue_delete_of_subscription',
  ({ subscriptionId }) => sql`DELETE FROM delivery_queue WHERE subscription_id = ${subscriptionId}`,
);

const deleteByStatus = defineStatement<{ status: 'ended' | 'deleted' }>(
  'delivery_queue_delete_by_status',
  ({ status }) => sql`
    DELETE FROM delivery_queue WHERE subscription_id IN (SELECT id FROM subscription WHERE status = ${status})`,
);

const lockOfSubscription = defineStatement<{ subscriptionId: SubscriptionId }, { ordering_key: string }>(
  'delivery_queue_lock_of_subscription',
  ({ subscriptionId }) => sql`
    SELECT ordering_key FROM delivery_queue WHERE subscription_id = ${subscriptionId} ORDER BY ordering_key FOR UPDATE`,
);

const lockOfDeliveries = defineStatement<{ deliveryIds: readonly DeliveryId[] }, { ordering_key: string }>(
  'delivery_queue_lock_of_deliveries',
  ({ deliveryIds }) => sql`
    SELECT l.ordering_key FROM delivery_queue l WHERE (l.subscription_id, l.ordering_key) IN (
      SELECT d.subscription_id, d.ordering_key FROM delivery d WHERE d.id = ANY (${deliveryIds}::text[]))
    ORDER BY l.subscription_id, l.ordering_key FOR UPDATE`,
);

const revokeClaims = defineStatement<{ subscriptionId: SubscriptionId; now: Date }>(
  'delivery_queue_revoke_claims',
  ({ subscriptionId, now }) => sql`
    UPDATE delivery_queue SET claim_id = NULL, due_at = ${now} WHERE subscription_id = ${subscriptionId} AND claim_id IS NOT NULL`,
);

/** Whether queue `l` is unclaimed and not yet due. */
const isWaiting = (now: Date): Sql => sql`l.claim_id IS NULL AND l.due_at > ${now}`;

const makeDue = defineStatement<QueueColumns & { now: Date }>(
  'delivery_queue_make_due',
  ({ subscriptionIds, orderingKeys, now }) => sql`
    UPDATE delivery_queue l SET due_at = ${now}
    FROM unnest(${subscriptionIds}::text[], ${orderingKeys}::text[]) AS c(subscription_id, ordering_key)
    WHERE l.subscription_id = c.subscription_id AND l.ordering_key = c.ordering_key AND ${isWaiting(now)}`,
);

const makeDueOfSubscription = defineStatement<{ subscriptionId: SubscriptionId; now: Date }>(
  'delivery_queue_make_due_of_subscription',
  ({ subscriptionId, now }) => sql`
    UPDATE delivery_queue l SET due_at = ${now} WHERE l.subscription_id = ${subscriptionId} AND ${isWaiting(now)}`,
);

/**
 * Ensures that queues with new pending deliveries exist. Locks existing ones until the transaction ends, so that they
 * are not deleted as empty in the meantime; keeps their claims and back-off. In key order, like `AttemptRecorder`.
 */
export async function ensureQueues(executor: SqlExecutor, queues: readonly QueueKey[], dueAt: Date): Promise<void> {
  await executor.run(insertQueues({ ...toColumns(queues), dueAt }));
}

/**
 * Locks all queues of a subscription. Call before locking its row, like `AttemptRecorder`: the opposite order could
 * deadlock.
 */
export async function lockQueues(executor: SqlExecutor, subscriptionId: SubscriptionId): Promise<void> {
  await executor.run(lockOfSubscription({ subscriptionId }));
}

/** Locks deliveries' queues, before their rows and in key order, like `AttemptRecorder`. */
export async function lockQueuesOfDeliveries(executor: SqlExecutor, deliveryIds: readonly DeliveryId[]): Promise<void> {
  await executor.run(lockOfDeliveries({ deliveryIds }));
}

/** Revokes claims of locked queues. Replicas stop after their current request, whose outcome is not recorded. */
export async function revokeQueueClaims(
  executor: SqlExecutor,
  subscriptionId: SubscriptionId,
  now: Date,
): Promise<void> {
  await executor.run(revokeClaims({ subscriptionId, now }));
}

/** Makes unclaimed queues due now unless they already are; creates missing ones. */
export async function makeQueuesDue(executor: SqlExecutor, queues: readonly QueueKey[], now: Date): Promise<void> {
  await ensureQueues(executor, queues, now);
  await executor.run(makeDue({ ...toColumns(queues), now }));
}

/** Same for all queues of a subscription. */
export async function makeQueuesOfSubscriptionDue(
  executor: SqlExecutor,
  subscriptionId: SubscriptionId,
  now: Date,
): Promise<void> {
  await executor.run(makeDueOfSubscription({ subscriptionId, now }));
}

export async function deleteEmptyQueues(executor: SqlExecutor, queues: readonly QueueKey[]): Promise<void> {
  await executor.run(deleteEmpty(toColumns(queues)));
}

export async function deleteEmptyQueuesOfSubscription(
  executor: SqlExecutor,
  subscriptionId: SubscriptionId,
): Promise<void> {
  await executor.run(deleteEmptyOfSubscription({ subscriptionId }));
}

export async function deleteQueuesOfSubscription(executor: SqlExecutor, subscriptionId: SubscriptionId): Promise<void> {
  await executor.run(deleteOfSubscription({ subscriptionId }));
}

/** Deletes the queues of all subscriptions that have ended or were deleted. */
export async function deleteQueuesByStatus(executor: SqlExecutor, status: 'ended' | 'deleted'): Promise<void> {
  await executor.run(deleteByStatus({ status }));
}

export function toColumns(queues: readonly QueueKey[]): QueueColumns {
  return {
    subscriptionIds: queues.map(({ subscriptionId }) => subscriptionId),
    orderingKeys: queues.map(({ orderingKey }) => orderingKey),
  };
}
