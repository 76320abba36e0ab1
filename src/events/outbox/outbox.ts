import { Injectable } from '@nestjs/common';
import { IntegrityFailures } from '../../database/integrity-failures.ts';
import type { SqlExecutor } from '../../database/statement.ts';
import { Clock } from '../../platform/clock.ts';
import type { Id } from '../../platform/ids.ts';
import { Ids } from '../../platform/ids.ts';
import type { EventId } from '../ids.ts';
import {
  countPendingEvents,
  type EventInsertion,
  insertEvent,
  insertEvents,
  type NewEventRow,
} from './event.repository.ts';
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

const TABLE = 'event';

/**
 * Events for product services, written in the same transaction as the change they report, and delivered from there. Both ways throw
 * `IntegrityError` where a trigger or rule swallowed an event (which may show at the commit only): the change is then rolled back.
 */
@Injectable()
export class Outbox {
  constructor(
    private readonly clock: Clock,
    private readonly ids: Ids,
    private readonly integrity: IntegrityFailures,
  ) {}

  async add(executor: SqlExecutor, event: OutboxEvent): Promise<void> {
    const row = this.toRow(event);
    await this.require(executor, [row], insertEvent(executor, row, this.clock.now()));
  }

  /** Inserts many events in one statement, in this order, for a batch from Meta. Returns their ids. */
  async addAll(executor: SqlExecutor, events: readonly OutboxEvent[]): Promise<EventId[]> {
    const rows = events.map((event) => this.toRow(event));
    if (rows.length > 0) await this.require(executor, rows, insertEvents(executor, rows, this.clock.now()));
    return rows.map(({ id }) => id);
  }

  private async require(
    executor: SqlExecutor,
    rows: readonly NewEventRow[],
    insertion: Promise<EventInsertion>,
  ): Promise<void> {
    const { count, isInterferedWith } = await insertion.catch((error: unknown) => {
      throw this.integrity.explain(TABLE, error);
    });
    const requireCount = (found: number): void => {
      if (found < rows.length) throw this.integrity.missing(TABLE, { type: rows[0]?.type }, rows.length - found);
    };
    requireCount(count);
    if (!isInterferedWith) return;
    const ids = rows.map(({ id }) => id);
    const check = async (): Promise<void> => requireCount(await countPendingEvents(executor, ids));
    if (executor.beforeCommit === undefined) await check();
    else executor.beforeCommit(check);
  }

  private toRow(event: OutboxEvent): NewEventRow {
    return { ...event, id: this.ids.next('evt'), data: serializeEventData(event.data) };
  }
}
