import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { EventType } from '../outbox/event-type.ts';

const listReceived = defineStatement<Record<never, never>, { type: EventType }>(
  'received_event_types',
  () => sql`SELECT DISTINCT unnest(events) AS type FROM subscription WHERE status = 'active'`,
);

/** The types of events that at least one active subscription receives, for any tenants and products. */
export async function listReceivedEventTypes(executor: SqlExecutor): Promise<EventType[]> {
  return (await executor.rows(listReceived({}))).map(({ type }) => type);
}
