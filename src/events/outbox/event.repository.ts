import sql from 'sql-template-tag';
import { IS_INTERFERED_WITH } from '../../database/interference.query.ts';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { Id } from '../../platform/ids.ts';
import { firstIdAt } from '../../platform/ids.ts';
import type { PayloadKeyId } from '../../vault/ids.ts';
import { existingPayloadKeys } from '../../vault/payloads/payload-key.repository.ts';
import type { EventId } from '../ids.ts';
import type { StoredContent } from './event-contents.ts';
import { JOIN_DESCRIPTION } from './event-description.query.ts';
import type { EventType } from './event-type.ts';

/** A row to insert. */
export interface NewEventRow extends StoredContent {
  id: EventId;
  type: EventType;
  tenant: string | null;
  product: string | null;
  connectionId: Id<'con'> | null;
}

/** An event that has no deliveries yet. */
export interface UndispatchedEvent {
  id: EventId;
  /** Orders the events of one connection. */
  position: string;
  type: EventType;
  tenant: string | null;
  product: string | null;
  connection_id: Id<'con'> | null;
}

interface InsertedEvents {
  inserted: number;
  /** How many payload keys still exist. If one is missing, nothing is inserted. */
  found_keys: number;
  is_interfered_with: boolean;
}

/** Counts what was really inserted, because a trigger can swallow a row. */
const COUNT_INSERTED = sql`SELECT count(*)::integer AS inserted, ${IS_INTERFERED_WITH} AS is_interfered_with,
  (SELECT count(*)::integer FROM found_keys) AS found_keys FROM inserted`;

interface EventColumns {
  ids: readonly EventId[];
  types: readonly EventType[];
  tenants: readonly (string | null)[];
  products: readonly (string | null)[];
  connectionIds: readonly (Id<'con'> | null)[];
  data: readonly (string | null)[];
  payloads: readonly (Buffer | null)[];
  payloadKeyIds: readonly (PayloadKeyId | null)[];
  /** Without duplicates. */
  keyIds: readonly PayloadKeyId[];
  now: Date;
}

const addEvents = defineStatement<EventColumns, InsertedEvents>(
  'outbox_add_all',
  ({ ids, types, tenants, products, connectionIds, data, payloads, payloadKeyIds, keyIds, now }) => sql`WITH
    found_keys AS (${existingPayloadKeys(keyIds)}),
    inserted AS (
    INSERT INTO event (id, type, tenant, product, connection_id, data, payload, payload_key_id, created_at, reference, metadata, app_id)
    SELECT e.id, e.type, e.tenant, e.product, e.connection_id, e.data::json, e.payload, e.payload_key_id, ${now}::timestamptz,
      described.reference, described.metadata, described.app_id
    FROM unnest(${ids}::text[], ${types}::text[], ${tenants}::text[], ${products}::text[], ${connectionIds}::text[], ${data}::text[],
        ${payloads}::bytea[], ${payloadKeyIds}::text[])
      WITH ORDINALITY AS e(id, type, tenant, product, connection_id, data, payload, payload_key_id, position) ${JOIN_DESCRIPTION}
    WHERE (SELECT count(*) FROM found_keys) = cardinality(${keyIds}::text[])
    ORDER BY e.position RETURNING 1) ${COUNT_INSERTED}`,
  { prepare: true },
);

const countPending = defineStatement<{ ids: readonly EventId[] }, { count: number }>(
  'event_count_pending',
  ({ ids }) =>
    sql`SELECT count(*)::integer AS count FROM event WHERE id = ANY (${ids}::text[]) AND dispatched_at IS NULL`,
);

const probeUndispatched = defineStatement<Record<never, never>, { found: number }>(
  'fan_out_probe',
  () => sql`SELECT 1 AS found FROM event WHERE dispatched_at IS NULL LIMIT 1`,
  { prepare: true },
);

const selectUndispatched = defineStatement<{ limit: number }, UndispatchedEvent>(
  'event_select_undispatched',
  ({ limit }) => sql`
    SELECT id, position, type, tenant, product, connection_id FROM event
    WHERE dispatched_at IS NULL ORDER BY position LIMIT ${limit}`,
);

const setDispatched = defineStatement<{ ids: readonly EventId[]; now: Date }>(
  'event_set_dispatched',
  ({ ids, now }) => sql`UPDATE event SET dispatched_at = ${now} WHERE id = ANY (${ids}::text[])`,
);

const deleteEndedEvents = defineStatement<{ beforeId: string; limit: number }>(
  'event_delete_ended',
  ({ beforeId, limit }) => sql`
    DELETE FROM event WHERE id IN (SELECT e.id FROM event e WHERE e.id < ${beforeId} AND e.dispatched_at IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.event_id = e.id) LIMIT ${limit})`,
);

/**
 * How many events were inserted, and whether triggers or rules could have interfered, so that they must be read back.
 */
export interface EventInsertion {
  count: number;
  isInterferedWith: boolean;
  /** Whether all payload keys still exist. If not, nothing was inserted. */
  areKeysThere: boolean;
}

/** Inserts events in this order with one statement. */
export async function insertEvents(
  executor: SqlExecutor,
  events: readonly NewEventRow[],
  now: Date,
): Promise<EventInsertion> {
  const keyIds = [...new Set(events.flatMap(({ payloadKeyId }) => payloadKeyId ?? []))];
  const [row] = await executor.rows(
    addEvents({
      ids: events.map(({ id }) => id),
      types: events.map(({ type }) => type),
      tenants: events.map(({ tenant }) => tenant),
      products: events.map(({ product }) => product),
      connectionIds: events.map(({ connectionId }) => connectionId),
      data: events.map(({ data }) => data),
      payloads: events.map(({ payload }) => payload),
      payloadKeyIds: events.map(({ payloadKeyId }) => payloadKeyId),
      keyIds,
      now,
    }),
  );
  return {
    count: row?.inserted ?? 0,
    isInterferedWith: row?.is_interfered_with !== false,
    areKeysThere: row?.found_keys === keyIds.length,
  };
}

/** Counts the events among these that exist and are still undispatched. */
export async function countPendingEvents(executor: SqlExecutor, ids: readonly EventId[]): Promise<number> {
  const [row] = await executor.rows(countPending({ ids }));
  return row?.count ?? 0;
}

export async function hasUndispatchedEvents(executor: SqlExecutor): Promise<boolean> {
  return (await executor.rows(probeUndispatched({}))).length > 0;
}

/** In order of position. */
export function listUndispatchedEvents(executor: SqlExecutor, limit: number): Promise<UndispatchedEvent[]> {
  return executor.rows(selectUndispatched({ limit }));
}

export async function markDispatched(executor: SqlExecutor, ids: readonly EventId[], now: Date): Promise<void> {
  await executor.run(setDispatched({ ids, now }));
}

/** Deletes dispatched events older than `before` that no delivery refers to; returns how many. */
export function deleteEvents(executor: SqlExecutor, before: Date, limit: number): Promise<number> {
  return executor.run(deleteEndedEvents({ beforeId: firstIdAt('evt', before), limit }));
}
