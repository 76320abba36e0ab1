import { Injectable } from '@nestjs/common';
import type { SqlExecutor } from '../../database/statement.ts';
import type { PayloadKeyId } from '../../vault/ids.ts';
import { type NewPayload, PayloadVault } from '../../vault/payloads/payload-vault.ts';
import type { PayloadPlace } from '../../vault/payloads/sealed-payload.ts';
import type { EventId } from '../ids.ts';
import { type EventType, RELAYED_EVENT_TYPE } from './event-type.ts';

/** Replaces Meta's data once it is erased. Matches the second schema of `meta.webhook`. */
const ERASED = '{"erased":true}';

/** An event's data as stored: JSON text, sealed, or neither once Meta's data is gone. */
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
 * Seals and opens event data. Only Meta's payloads are sealed, because they hold customers' messages. Our own events
 * say no more than the connection rows next to them.
 */
@Injectable()
export class EventContents {
  constructor(private readonly payloads: PayloadVault) {}

  /** How to store events that happened at this instant, in the same order. */
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

  /** Returns the data as JSON text; `{"erased":true}` if it was erased or shredded. Throws `DecryptionError`. */
  async read(event: StoredContent & { eventId: EventId; tenant: string | null }): Promise<string> {
    const { data, payload, payloadKeyId } = event;
    if (payload === null || payloadKeyId === null) return data ?? ERASED;
    return (await this.payloads.open({ payload, payloadKeyId }, placeOf(event.eventId), event.tenant)) ?? ERASED;
  }

  /** Forgets keys that no longer exist in the database, so that new ones replace them. */
  forgetKeys(ids: readonly PayloadKeyId[]): void {
    this.payloads.forget(ids);
  }
}

/** The payload to seal for an event that happened at this instant. */
export function toPayload({ id, tenant, data }: Omit<EventToStore, 'type'>, at: Date): NewPayload {
  return { ...placeOf(id), tenant, at, text: data };
}

function isRelayed({ type }: EventToStore): boolean {
  return type === RELAYED_EVENT_TYPE;
}

function placeOf(rowId: EventId): PayloadPlace {
  return { kind: 'event', rowId };
}
