import type { Transaction } from '../../database/database.ts';

/** In the place of what Meta told about a person who is erased; its schema is `meta.webhook`'s second. */
const ERASED = '{"erased":true}';

/** Erases what was relayed from Meta about one connection, in its events: those that wait are delivered as erased. */
export async function eraseRelayedEventsOfConnection(tx: Transaction, connectionId: string): Promise<void> {
  await tx.run({
    text: `UPDATE event SET data = $2 WHERE connection_id = $1 AND type = 'meta.webhook'`,
    values: [connectionId, ERASED],
  });
}

/** Erases what was relayed from Meta in these events: those of a person whom no connection knows. Unknown ids are none. */
export async function eraseRelayedEvents(tx: Transaction, eventIds: readonly string[]): Promise<void> {
  if (eventIds.length === 0) return;
  await tx.run({
    text: `UPDATE event SET data = $2 WHERE id = ANY ($1) AND type = 'meta.webhook'`,
    values: [eventIds, ERASED],
  });
}
