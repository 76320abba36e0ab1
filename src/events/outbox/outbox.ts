import { Injectable } from '@nestjs/common';
import type { SqlExecutor } from '../../database/statement.ts';
import { Clock } from '../../platform/clock.ts';
import { Ids } from '../../platform/ids.ts';
import { serializeEventData } from './event-data.ts';
import type { EventType } from './event-type.ts';

export interface OutboxEvent {
  type: EventType;
  tenant: string | null;
  product: string | null;
  /** Events of one connection reach each subscriber in the order in which they were written. */
  connectionId: string | null;
  /** Thin: ids and states, never a token. Meta's own JSON goes in as `RawJson`, so that no number in it changes. */
  data: Record<string, unknown>;
}

/** Events for product services, written in the transaction that makes them true, delivered from there. */
@Injectable()
export class Outbox {
  constructor(
    private readonly clock: Clock,
    private readonly ids: Ids,
  ) {}

  async add(sql: SqlExecutor, event: OutboxEvent): Promise<void> {
    await sql.run({
      name: 'outbox_add',
      text: `INSERT INTO event (id, type, tenant, product, connection_id, data, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
      values: [
        this.ids.next('evt'),
        event.type,
        event.tenant,
        event.product,
        event.connectionId,
        serializeEventData(event.data),
        this.clock.now(),
      ],
    });
  }

  /** Many events in one statement, in this order: what Meta sends in one delivery. Their ids. */
  async addAll(sql: SqlExecutor, events: readonly OutboxEvent[]): Promise<string[]> {
    const ids = events.map(() => this.ids.next('evt'));
    if (events.length === 0) return ids;
    await sql.run({
      name: 'outbox_add_all',
      text: `INSERT INTO event (id, type, tenant, product, connection_id, data, created_at)
        SELECT id, type, tenant, product, connection_id, data::json, $7
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
          WITH ORDINALITY AS e(id, type, tenant, product, connection_id, data, position)
        ORDER BY position`,
      values: [
        ids,
        events.map(({ type }) => type),
        events.map(({ tenant }) => tenant),
        events.map(({ product }) => product),
        events.map(({ connectionId }) => connectionId),
        events.map(({ data }) => serializeEventData(data)),
        this.clock.now(),
      ],
    });
    return ids;
  }
}
