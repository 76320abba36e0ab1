import type { Database } from '../../database/database.ts';
import { EventBacklogQuery, type HeldConnections } from '../../events/deliveries/event-backlog.query.ts';
import type { Clock } from '../../platform/clock.ts';
import { attention, type Finding, fine } from './finding.ts';

/** Names subscriptions that have failed for a day, and single events that hold up their connections. */
export async function checkEventSubscriptions(on: { database: Database; clock: Clock }): Promise<Finding> {
  const backlog = new EventBacklogQuery(on.database, on.clock);
  const failing = await backlog.listFailingSubscriptions();
  if (failing.length === 0) return toHeldFinding(await backlog.listHeldConnections());
  const named = failing.map(({ id, host, failingSince }) => `${id} (${host}, since ${failingSince.toISOString()})`);
  return attention(
    'event_subscriptions',
    `receivers accept nothing: ${named.join(', ')}`,
    'Fix the receiver, or pause or delete the subscription; metavault events shows its deliveries.',
  );
}

function toHeldFinding(held: readonly HeldConnections[]): Finding {
  if (held.length === 0) return fine('event_subscriptions', 'no receiver has refused its events for a day');
  const named = held.map(
    ({ id, host, connections, eventId, since }) =>
      `${id} (${host}: ${connections} connections, ${eventId} since ${since.toISOString()})`,
  );
  return attention(
    'event_subscriptions',
    `receivers keep refusing single events, which holds up the later events of the same connections: ${named.join(', ')}`,
    'Make the receiver respond 2xx to events that it cannot process. After three days they become dead letters.',
  );
}
