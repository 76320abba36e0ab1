import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { Id } from '../../platform/ids.ts';
import type { EventId } from '../ids.ts';

/** Replaces Meta's data about a user who is erased; its schema is the second one of `meta.webhook`. */
const ERASED = '{"erased":true}';

const eraseOfConnection = defineStatement<{ connectionId: Id<'con'> }>(
  'relayed_event_erase_of_connection',
  ({ connectionId }) =>
    sql`UPDATE event SET data = ${ERASED} WHERE connection_id = ${connectionId} AND type = 'meta.webhook'`,
);

const eraseByIds = defineStatement<{ ids: readonly EventId[] }>(
  'relayed_event_erase',
  ({ ids }) => sql`UPDATE event SET data = ${ERASED} WHERE id = ANY (${ids}::text[]) AND type = 'meta.webhook'`,
);

/** Erases Meta's data about one connection from its events: pending ones are delivered as erased. */
export async function eraseRelayedEventsOfConnection(executor: SqlExecutor, connectionId: Id<'con'>): Promise<void> {
  await executor.run(eraseOfConnection({ connectionId }));
}

/** Erases Meta's data from these events, which concern a user without a connection. Unknown ids are ignored. */
export async function eraseRelayedEvents(executor: SqlExecutor, eventIds: readonly EventId[]): Promise<void> {
  if (eventIds.length === 0) return;
  await executor.run(eraseByIds({ ids: eventIds }));
}
