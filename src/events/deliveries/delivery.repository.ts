import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor, type SqlReader } from '../../database/statement.ts';
import type { Id } from '../../platform/ids.ts';
import { firstIdAt } from '../../platform/ids.ts';
import type { DeliveryId, EventId, SubscriptionId } from '../ids.ts';
import type { EventDescription } from '../outbox/event-data.ts';
import type { EventType } from '../outbox/event-type.ts';
import type { DeliveryError, DeliveryStatus } from '../queue/delivery-status.ts';

/** A delivery with its event's type and subject. */
export interface DeliveryRow {
  id: DeliveryId;
  subscription_id: SubscriptionId;
  event_id: EventId;
  type: EventType;
  tenant: string | null;
  connection_id: Id<'con'> | null;
  status: DeliveryStatus;
  attempts: number;
  last_attempt_at: Date | null;
  last_status: number | null;
  last_error: DeliveryError | null;
  next_attempt_at: Date | null;
  delivered_at: Date | null;
  created_at: Date;
}

const COLUMNS = sql`d.id, d.subscription_id, d.event_id, e.type, e.tenant, e.connection_id, d.status, d.attempts, d.last_attempt_at,
  d.last_status, d.last_error, d.next_attempt_at, d.delivered_at, d.created_at`;

const selectPage = defineStatement<
  { subscriptionId: SubscriptionId; status: DeliveryStatus | null; before: string | null; limit: number },
  DeliveryRow
>(
  'delivery_select_page',
  ({ subscriptionId, status, before, limit }) => sql`
    SELECT ${COLUMNS} FROM delivery d JOIN event e ON e.id = d.event_id
    WHERE d.subscription_id = ${subscriptionId} AND (${status}::text IS NULL OR d.status = ${status}::text)
      AND (${before}::text IS NULL OR d.id < ${before}::text)
    ORDER BY d.id DESC LIMIT ${limit}`,
);

const select = defineStatement<{ id: DeliveryId }, DeliveryRow>(
  'delivery_select',
  ({ id }) => sql`SELECT ${COLUMNS} FROM delivery d JOIN event e ON e.id = d.event_id WHERE d.id = ${id}`,
);

/** The event of a delivery. Meta's own data stays sealed, and out of this. */
export interface DeliveredEventRow extends EventDescription {
  id: EventId;
  type: EventType;
  tenant: string | null;
  connection_id: Id<'con'> | null;
  /** JSON text; null: sealed, or gone. */
  data: string | null;
  is_sealed: boolean;
  created_at: Date;
}

const selectEvent = defineStatement<{ id: DeliveryId }, DeliveredEventRow>(
  'delivery_select_event',
  ({
    id,
  }) => sql`SELECT e.id, e.type, e.tenant, e.connection_id, e.data::text AS data, e.payload IS NOT NULL AS is_sealed,
      e.app_id, e.reference, e.metadata::text AS metadata, e.created_at
    FROM delivery d JOIN event e ON e.id = d.event_id WHERE d.id = ${id}`,
);

const selectIds = defineStatement<
  {
    subscriptionId: SubscriptionId;
    after: string;
    beforeId: string;
    statuses: readonly DeliveryStatus[];
    limit: number;
  },
  { id: DeliveryId }
>(
  'delivery_select_ids',
  ({ subscriptionId, after, beforeId, statuses, limit }) => sql`
    SELECT id FROM delivery WHERE subscription_id = ${subscriptionId} AND id > ${after} AND id < ${beforeId}
      AND status = ANY (${statuses}::text[]) ORDER BY id LIMIT ${limit}`,
);

const deleteEnded = defineStatement<{ beforeId: string; limit: number }>(
  'delivery_delete_ended',
  ({ beforeId, limit }) => sql`
    DELETE FROM delivery WHERE id IN (SELECT id FROM delivery WHERE id < ${beforeId} AND status <> 'pending' LIMIT ${limit})`,
);

/** Newest first: up to `limit` of a subscription's deliveries after `before`. */
export function listDeliveries(
  executor: SqlReader,
  filter: { subscriptionId: SubscriptionId; status: DeliveryStatus | null; before: string | null; limit: number },
): Promise<DeliveryRow[]> {
  return executor.rows(selectPage(filter));
}

export async function findDelivery(executor: SqlExecutor, id: DeliveryId): Promise<DeliveryRow | null> {
  const [row] = await executor.rows(select({ id }));
  return row ?? null;
}

export async function findDeliveredEvent(executor: SqlExecutor, id: DeliveryId): Promise<DeliveredEventRow | null> {
  const [row] = await executor.rows(selectEvent({ id }));
  return row ?? null;
}

/**
 * Up to `limit` ids, in order: a subscription's deliveries after `after`, created before `to`, with one of these
 * statuses.
 */
export async function listDeliveryIds(
  executor: SqlExecutor,
  range: {
    subscriptionId: SubscriptionId;
    after: string;
    to: Date;
    statuses: readonly DeliveryStatus[];
    limit: number;
  },
): Promise<DeliveryId[]> {
  const { to, ...rest } = range;
  return (await executor.rows(selectIds({ ...rest, beforeId: firstIdAt('dlv', to) }))).map(({ id }) => id);
}

/** Deletes deliveries older than `before` that are no longer pending; returns how many. */
export function deleteDeliveries(executor: SqlExecutor, before: Date, limit: number): Promise<number> {
  return executor.run(deleteEnded({ beforeId: firstIdAt('dlv', before), limit }));
}
