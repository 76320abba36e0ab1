import type { Sql } from '../database/database.ts';
import type { Clock } from '../platform/clock.ts';
import type { Ids } from '../platform/ids.ts';

export type EventType =
  | 'connection.created'
  | 'connection.refreshed'
  | 'connection.expiring'
  | 'connection.reauth_required'
  | 'connection.revoked'
  | 'meta.webhook';

export interface OutboxEvent {
  type: EventType;
  tenant: string | null;
  product: string | null;
  connectionId: string | null;
  /** Thin: ids and states, never a token. */
  data: Record<string, unknown>;
}

/** Events for product services, written in the transaction that makes them true, delivered from there. */
export class Outbox {
  constructor(
    private readonly clock: Clock,
    private readonly ids: Ids,
  ) {}

  async add(sql: Sql, event: OutboxEvent): Promise<void> {
    await sql.run({
      name: 'outbox_add',
      text: `INSERT INTO event (id, type, tenant, product, connection_id, data, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
      values: [
        this.ids.next('evt'),
        event.type,
        event.tenant,
        event.product,
        event.connectionId,
        JSON.stringify(event.data),
        this.clock.now(),
      ],
    });
  }
}
