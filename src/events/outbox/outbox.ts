import { Injectable } from '@nestjs/common';
import { IntegrityFailures } from '../../database/integrity-failures.ts';
import type { SqlExecutor } from '../../database/statement.ts';
import { Clock } from '../../platform/clock.ts';
import type { Id } from '../../platform/ids.ts';
import { Ids } from '../../platform/ids.ts';
import type { EventId } from '../ids.ts';
import { countPendingEvents, type EventInsertion, insertEvents, type NewEventRow } from './event.repository.ts';
import { EventContents, type StoredContent } from './event-contents.ts';
import { serializeEventData } from './event-data.ts';
import type { EventType } from './event-type.ts';

export interface OutboxEvent {
  type: EventType;
  tenant: string | null;
  product: string | null;
  /** Each subscriber gets a connection's events in the order they were written. */
  connectionId: Id<'con'> | null;
  /** Thin: ids and states, never a token. Pass Meta's own JSON as `RawJson` so that no number in it changes. */
  data: Record<string, unknown>;
}

const TABLE = 'event';
const ATTEMPTS = 3;

type IdentifiedEvent = Omit<OutboxEvent, 'data'> & { id: EventId; data: string };

/**
 * Events for product services, written in the transaction of the change they report and delivered from there. Throws
 * `IntegrityError`, possibly only at commit, if a trigger or rule swallowed an event; the change is then rolled back.
 */
@Injectable()
export class Outbox {
  constructor(
    private readonly clock: Clock,
    private readonly ids: Ids,
    private readonly integrity: IntegrityFailures,
    private readonly contents: EventContents,
  ) {}

  async add(executor: SqlExecutor, event: OutboxEvent): Promise<void> {
    await this.addAll(executor, [event]);
  }

  /** Inserts a batch of events with one statement, in this order. Returns their ids. */
  async addAll(executor: SqlExecutor, events: readonly OutboxEvent[]): Promise<EventId[]> {
    const rows = events.map((event) => this.toRow(event));
    if (rows.length > 0) await this.require(executor, rows, this.insert(executor, rows));
    return rows.map(({ id }) => id);
  }

  /** Seals Meta's payloads. A key destroyed in the meantime is replaced by a new one. */
  private async insert(executor: SqlExecutor, rows: readonly IdentifiedEvent[]): Promise<EventInsertion> {
    const now = this.clock.now();
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const contents = await this.contents.toStored(executor, rows, now);
      const insertion = await insertEvents(executor, merge(rows, contents), now);
      if (insertion.areKeysThere) return insertion;
      this.contents.forgetKeys(contents.flatMap(({ payloadKeyId }) => payloadKeyId ?? []));
    }
    throw new Error('payload keys of events are destroyed faster than they are created');
  }

  private async require(
    executor: SqlExecutor,
    rows: readonly IdentifiedEvent[],
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

  private toRow(event: OutboxEvent): IdentifiedEvent {
    return { ...event, id: this.ids.next('evt'), data: serializeEventData(event.data) };
  }
}

function merge(rows: readonly IdentifiedEvent[], contents: readonly StoredContent[]): NewEventRow[] {
  return rows.map((row, index) => ({ ...row, ...(contents[index] as StoredContent) }));
}
