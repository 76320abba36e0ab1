import { Injectable } from '@nestjs/common';
import type { SqlExecutor } from '../../database/statement.ts';
import { Clock } from '../../platform/clock.ts';
import type { Id } from '../../platform/ids.ts';
import { Ids } from '../../platform/ids.ts';
import type { EventId } from '../ids.ts';
import { insertEvent, insertEvents, type NewEventRow } from './event.repository.ts';
import { serializeEventData } from './event-data.ts';
import type { EventType } from './event-type.ts';

export interface OutboxEvent {
  type: EventType;
  tenant: string | null;
  product: string | null;
  /** Events of one connection reach each subscriber in the order in which they were written. */
  connectionId: Id<'con'> | null;
  /** Thin: ids and states, never a token. Meta's own JSON goes in as `RawJson`, so that no number in it changes. */
  data: Record<string, unknown>;
}

/** Events for product services, written in the same transaction as the change they report, and delivered from there. */
@Injectable()
export class Outbox {
  constructor(
    private readonly clock: Clock,
    private readonly ids: Ids,
  ) {}

  async add(executor: SqlExecutor, event: OutboxEvent): Promise<void> {
    await insertEvent(executor, this.toRow(event), this.clock.now());
  }

  /** Inserts many events in one statement, in this order, for a batch from Meta. Returns their ids. */
  async addAll(executor: SqlExecutor, events: readonly OutboxEvent[]): Promise<EventId[]> {
    const rows = events.map((event) => this.toRow(event));
    if (rows.length > 0) await insertEvents(executor, rows, this.clock.now());
    return rows.map(({ id }) => id);
  }

  private toRow(event: OutboxEvent): NewEventRow {
    return { ...event, id: this.ids.next('evt'), data: serializeEventData(event.data) };
  }
}
