import type { Database } from '../../database/database.ts';
import { EventBacklog } from '../../events/event-backlog.ts';
import type { Clock } from '../../platform/clock.ts';
import { attention, type Finding, fine } from './finding.ts';

/** Whether product services take their events: subscriptions that failed for a day are named. */
export async function checkEventSubscriptions(on: { database: Database; clock: Clock }): Promise<Finding> {
  const failing = await new EventBacklog(on.database, on.clock).failingForADay();
  if (failing.length === 0) return fine('event_subscriptions', 'no subscriber has refused its events for a day');
  const named = failing.map(({ id, host, failingSince }) => `${id} (${host}, since ${failingSince.toISOString()})`);
  return attention(
    'event_subscriptions',
    `take nothing: ${named.join(', ')}`,
    'Mend the receiver, or pause or delete the subscription; metavault events shows its deliveries.',
  );
}
