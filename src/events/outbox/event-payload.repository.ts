import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { Id } from '../../platform/ids.ts';
import { firstIdAt } from '../../platform/ids.ts';
import type { PayloadKeyId } from '../../vault/ids.ts';
import { holdPayloadKeys, payloadKeysUntil } from '../../vault/payloads/payload-key.repository.ts';
import type { DeliveryId, EventId } from '../ids.ts';

/** An event of Meta's that an earlier release stored in the clear. */
export interface ClearEvent {
  id: EventId;
  tenant: string | null;
  /** JSON text. */
  data: string;
  created_at: Date;
}

interface SealedEvent {
  id: EventId;
  payload: Buffer;
  payloadKeyId: PayloadKeyId;
}

const WITHOUT_CONTENT = sql`data = NULL, payload = NULL, payload_key_id = NULL, reference = NULL, metadata = NULL, app_id = NULL`;

/** Whether event `e` has been delivered to every subscription that gets it. */
const IS_DELIVERED = sql`(e.dispatched_at IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.event_id = e.id AND d.status <> 'delivered'))`;

/** Must repeat the partial index's condition word for word. */
const IS_NOT_SEALED = sql`type = 'meta.webhook' AND data IS NOT NULL`;

const eraseOfConnection = defineStatement<{ connectionId: Id<'con'> }>(
  'relayed_event_erase_of_connection',
  ({
    connectionId,
  }) => sql`UPDATE event SET ${WITHOUT_CONTENT} WHERE connection_id = ${connectionId} AND type = 'meta.webhook'
    AND (data IS NOT NULL OR payload IS NOT NULL)`,
);

const eraseByIds = defineStatement<{ ids: readonly EventId[] }>(
  'relayed_event_erase',
  ({ ids }) => sql`UPDATE event SET ${WITHOUT_CONTENT} WHERE id = ANY (${ids}::text[]) AND type = 'meta.webhook'`,
);

const eraseOfKeys = defineStatement<{ keyIds: readonly PayloadKeyId[] }>(
  'event_erase_of_payload_keys',
  ({ keyIds }) => sql`UPDATE event SET ${WITHOUT_CONTENT} WHERE payload_key_id = ANY (${keyIds}::text[])`,
);

const lockOfDeliveries = defineStatement<{ deliveryIds: readonly DeliveryId[] }, { id: EventId }>(
  'event_lock_of_deliveries',
  ({ deliveryIds }) => sql`SELECT id FROM event WHERE payload_key_id IS NOT NULL
      AND id IN (SELECT d.event_id FROM delivery d WHERE d.id = ANY (${deliveryIds}::text[]))
    ORDER BY id FOR NO KEY UPDATE`,
);

const dropDelivered = defineStatement<{ ids: readonly EventId[] }>(
  'event_drop_delivered_payloads',
  ({ ids }) => sql`UPDATE event e SET ${WITHOUT_CONTENT}
    WHERE e.id = ANY (${ids}::text[]) AND e.payload_key_id IS NOT NULL AND ${IS_DELIVERED}`,
);

const dropNextDelivered = defineStatement<{ limit: number }>(
  'event_drop_next_delivered_payloads',
  ({ limit }) => sql`UPDATE event SET ${WITHOUT_CONTENT} WHERE id IN (
    SELECT e.id FROM event e WHERE e.payload_key_id IS NOT NULL AND ${IS_DELIVERED} LIMIT ${limit} FOR UPDATE SKIP LOCKED)`,
);

const dropOld = defineStatement<{ day: string; beforeId: string; limit: number }>(
  'event_drop_old_payloads',
  ({ day, beforeId, limit }) => sql`UPDATE event SET ${WITHOUT_CONTENT} WHERE id IN (
    SELECT e.id FROM ${payloadKeysUntil(day)} JOIN event e ON e.payload_key_id = k.id
    WHERE e.id < ${beforeId} LIMIT ${limit} FOR UPDATE OF e SKIP LOCKED)`,
);

const selectUnusedKeys = defineStatement<{ day: string; limit: number }, { id: PayloadKeyId }>(
  'event_unused_payload_keys',
  ({ day, limit }) => sql`SELECT k.id FROM ${payloadKeysUntil(day)}
    WHERE NOT EXISTS (SELECT 1 FROM event e WHERE e.payload_key_id = k.id) LIMIT ${limit}`,
);

const selectUsedKeys = defineStatement<{ keyIds: readonly PayloadKeyId[] }, { payload_key_id: PayloadKeyId }>(
  'event_used_payload_keys',
  ({ keyIds }) => sql`SELECT w.id AS payload_key_id FROM unnest(${keyIds}::text[]) AS w (id)
    WHERE EXISTS (SELECT 1 FROM event e WHERE e.payload_key_id = w.id)`,
);

const lockClear = defineStatement<{ limit: number }, ClearEvent>(
  'event_lock_not_sealed',
  ({ limit }) => sql`SELECT id, tenant, data::text AS data, created_at FROM event WHERE ${IS_NOT_SEALED}
    ORDER BY id LIMIT ${limit} FOR UPDATE SKIP LOCKED`,
);

const storeSealed = defineStatement<{
  ids: readonly EventId[];
  payloads: readonly Buffer[];
  payloadKeyIds: readonly PayloadKeyId[];
  keyIds: readonly PayloadKeyId[];
}>(
  'event_store_sealed',
  ({ ids, payloads, payloadKeyIds, keyIds }) => sql`WITH held AS (${holdPayloadKeys(keyIds)})
    UPDATE event e SET data = NULL, payload = s.payload, payload_key_id = s.payload_key_id
    FROM unnest(${ids}::text[], ${payloads}::bytea[], ${payloadKeyIds}::text[]) AS s (id, payload, payload_key_id)
    WHERE e.id = s.id AND s.payload_key_id IN (SELECT id FROM held)`,
);

/** Erases Meta's data about a connection from its events. Pending deliveries go out as erased. */
export async function eraseRelayedEventsOfConnection(executor: SqlExecutor, connectionId: Id<'con'>): Promise<void> {
  await executor.run(eraseOfConnection({ connectionId }));
}

/** Erases Meta's data from these events. Unknown ids are ignored. */
export async function eraseRelayedEvents(executor: SqlExecutor, eventIds: readonly EventId[]): Promise<void> {
  if (eventIds.length > 0) await executor.run(eraseByIds({ ids: eventIds }));
}

/** Erases data sealed under these keys. */
export async function eraseEventsOfKeys(executor: SqlExecutor, keyIds: readonly PayloadKeyId[]): Promise<void> {
  if (keyIds.length > 0) await executor.run(eraseOfKeys({ keyIds }));
}

/**
 * Locks the events of these deliveries that have a payload, so that deliveries recorded concurrently become visible;
 * returns their ids.
 */
export async function lockPayloadsOfDeliveries(
  tx: SqlExecutor,
  deliveryIds: readonly DeliveryId[],
): Promise<EventId[]> {
  if (deliveryIds.length === 0) return [];
  return (await tx.rows(lockOfDeliveries({ deliveryIds }))).map(({ id }) => id);
}

/** Deletes the payloads of those events that have been delivered to every subscription. */
export async function dropDeliveredPayloads(tx: SqlExecutor, eventIds: readonly EventId[]): Promise<void> {
  if (eventIds.length > 0) await tx.run(dropDelivered({ ids: eventIds }));
}

/** Same for up to `limit` events of the whole table; returns how many. */
export function dropNextDeliveredPayloads(executor: SqlExecutor, limit: number): Promise<number> {
  return executor.run(dropNextDelivered({ limit }));
}

/** Deletes up to `limit` payloads older than `before`, which falls on `day` (UTC); returns how many. */
export function dropOldPayloads(
  executor: SqlExecutor,
  { day, before }: { day: string; before: Date },
  limit: number,
): Promise<number> {
  return executor.run(dropOld({ day, beforeId: firstIdAt('evt', before), limit }));
}

/** Up to `limit` keys of days up to `day` that no event uses. */
export async function listUnusedPayloadKeys(
  executor: SqlExecutor,
  day: string,
  limit: number,
): Promise<PayloadKeyId[]> {
  return (await executor.rows(selectUnusedKeys({ day, limit }))).map(({ id }) => id);
}

/** The keys among these that an event uses. */
export async function findUsedPayloadKeys(
  executor: SqlExecutor,
  keyIds: readonly PayloadKeyId[],
): Promise<Set<PayloadKeyId>> {
  const rows = await executor.rows(selectUsedKeys({ keyIds }));
  return new Set(rows.map(({ payload_key_id: id }) => id));
}

/** Locks up to `limit` of Meta's events whose data is in the clear, oldest first. */
export function lockClearEvents(tx: SqlExecutor, limit: number): Promise<ClearEvent[]> {
  return tx.rows(lockClear({ limit }));
}

/** Replaces events' data with its sealed form. Returns how many: fewer if a key was destroyed in the meantime. */
export async function storeSealedEvents(tx: SqlExecutor, events: readonly SealedEvent[]): Promise<number> {
  if (events.length === 0) return 0;
  return tx.run(
    storeSealed({
      ids: events.map(({ id }) => id),
      payloads: events.map(({ payload }) => payload),
      payloadKeyIds: events.map(({ payloadKeyId }) => payloadKeyId),
      keyIds: [...new Set(events.map(({ payloadKeyId }) => payloadKeyId))],
    }),
  );
}
