import { Injectable } from '@nestjs/common';
import type { SqlExecutor } from '../../database/statement.ts';
import type { PayloadKeyId } from '../../vault/ids.ts';
import { type NewPayload, PayloadVault } from '../../vault/payloads/payload-vault.ts';
import type { PayloadPlace } from '../../vault/payloads/sealed-payload.ts';
import type { EventId } from '../ids.ts';
import { type EventType, RELAYED_EVENT_TYPE } from './event-type.ts';

/** Stands for data of Meta's that were erased; its schema is the second one of `meta.webhook`. */
const ERASED = '{"erased":true}';

/** An event's data as its row holds them: as JSON text, sealed, or neither, which is how data of Meta's are once they are gone. */
export interface StoredContent {
  data: string | null;
  payload: Buffer | null;
  payloadKeyId: PayloadKeyId | null;
}

interface EventToStore {
  id: EventId;
  type: EventType;
  tenant: string | null;
  /** JSON text. */
  data: string;
}

/**
 * Seals and opens events' data. Only what Meta sent is sealed: it holds customers' messages. The service's own events say no more than the
 * rows of connections, which lie beside them.
 */
@Injectable()
export class EventContents {
  constructor(private readonly payloads: PayloadVault) {}

  /** How to store events that happened at this instant, in their order. */
  async toStored(executor: SqlExecutor, events: readonly EventToStore[], at: Date): Promise<StoredContent[]> {
    const relayed = events.filter(isRelayed);
    const sealed = await this.payloads.sealAll(
      executor,
      relayed.map((event) => toPayload(event, at)),
    );
    const sealedById = new Map(relayed.map(({ id }, index) => [id, sealed[index]]));
    return events.map(({ id, data }) => {
      const content = sealedById.get(id);
      return content === undefined ? { data, payload: null, payloadKeyId: null } : { data: null, ...content };
    });
  }

  /** The data as JSON text; what was erased or shredded says so. Throws `DecryptionError`. */
  async read(event: StoredContent & { eventId: EventId; tenant: string | null }): Promise<string> {
    const { data, payload, payloadKeyId } = event;
    if (payload === null || payloadKeyId === null) return data ?? ERASED;
    return (await this.payloads.open({ payload, payloadKeyId }, placeOf(event.eventId), event.tenant)) ?? ERASED;
  }

  /** Forgets keys that the database does not have any more, so that the next ones are taken in their place. */
  forgetKeys(ids: readonly PayloadKeyId[]): void {
    this.payloads.forget(ids);
  }
}

/** What is sealed of an event that happened at this instant. */
export function toPayload({ id, tenant, data }: Omit<EventToStore, 'type'>, at: Date): NewPayload {
  return { ...placeOf(id), tenant, at, text: data };
}

function isRelayed({ type }: EventToStore): boolean {
  return type === RELAYED_EVENT_TYPE;
}

function placeOf(rowId: EventId): PayloadPlace {
  return { kind: 'event', rowId };
}
