import { Database } from '../../src/database/database.ts';
import type { EventId } from '../../src/events/ids.ts';
import { EventContents } from '../../src/events/outbox/event-contents.ts';
import type { PayloadKeyId } from '../../src/vault/ids.ts';
import type { TestReplica } from './test-replica.ts';

/** An event of Meta's; `data` is the JSON text that its subscribers get. */
export interface RelayedEvent {
  id: EventId;
  tenant: string | null;
  product: string | null;
  connection_id: string | null;
  data: string;
}

interface RelayedRow extends RelayedEvent {
  payload: Buffer | null;
  payload_key_id: PayloadKeyId | null;
}

/** Relayed events that contain this mark, decrypted, in order. */
export async function readRelayedEvents({ app }: Pick<TestReplica, 'app'>, mark = ''): Promise<RelayedEvent[]> {
  const rows = await app.get(Database).rows<RelayedRow & Record<string, unknown>>({
    text: `SELECT id, tenant, product, connection_id, data::text AS data, payload, payload_key_id FROM event
      WHERE type = 'meta.webhook' ORDER BY position`,
  });
  const events: RelayedEvent[] = [];
  for (const { id, tenant, product, connection_id, payload, payload_key_id: payloadKeyId, data: clear } of rows) {
    const data = await app.get(EventContents).read({ eventId: id, tenant, data: clear, payload, payloadKeyId });
    if (data.toLowerCase().includes(mark.toLowerCase())) events.push({ id, tenant, product, connection_id, data });
  }
  return events;
}
