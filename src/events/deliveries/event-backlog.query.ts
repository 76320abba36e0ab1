import { Injectable } from '@nestjs/common';
import sql from 'sql-template-tag';
import { Database } from '../../database/database.ts';
import { defineStatement } from '../../database/statement.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { HOUR_SECONDS } from '../../platform/duration.ts';
import type { EventId, SubscriptionId } from '../ids.ts';
import { FAILING_SECONDS } from '../subscriptions/subscription.ts';
import { selectFailingSubscriptions } from '../subscriptions/subscription-health.repository.ts';
import { RETRY_WINDOW_SECONDS } from './retry-schedule.ts';

/** An event refused this long by a subscriber that accepts others is the problem, not an outage. */
const HELD_SECONDS = HOUR_SECONDS;
const MAX_COUNTED = 100_000;

interface BacklogCounts {
  undispatched: number;
  pending: number;
  dead: number;
  refused: number;
}

interface FailingSubscription {
  id: SubscriptionId;
  /** Without the path, which may be the subscriber's secret. */
  host: string;
  failingSince: Date;
}

/**
 * Connections whose later events wait because a subscriber keeps refusing the next one while it accepts those of
 * others.
 */
export interface HeldConnections {
  id: SubscriptionId;
  host: string;
  connections: number;
  /** The event refused longest. */
  eventId: EventId;
  since: Date;
}

const selectCounts = defineStatement<{ limit: number }, BacklogCounts>(
  'event_backlog',
  ({ limit }) => sql`SELECT
    (SELECT count(*) FROM (SELECT 1 FROM event WHERE dispatched_at IS NULL LIMIT ${limit}) a)::int AS undispatched,
    (SELECT count(*) FROM (SELECT 1 FROM delivery WHERE status = 'pending' LIMIT ${limit}) b)::int AS pending,
    (SELECT count(*) FROM (SELECT 1 FROM delivery WHERE status = 'dead' LIMIT ${limit}) c)::int AS dead,
    (SELECT count(*) FROM (SELECT 1 FROM delivery WHERE status = 'pending' AND attempts > 0 LIMIT ${limit}) d)::int AS refused`,
  { prepare: true },
);

const selectHeld = defineStatement<
  { retryUntil: Date; deliveredAfter: Date },
  { id: SubscriptionId; url: string; connections: number; retry_until: Date; event_id: EventId }
>(
  'event_select_held_connections',
  ({ retryUntil, deliveredAfter }) => sql`
    SELECT s.id, s.url, count(DISTINCT d.ordering_key)::int AS connections, min(d.retry_until) AS retry_until,
      (array_agg(d.event_id ORDER BY d.retry_until))[1] AS event_id
    FROM delivery d JOIN subscription s ON s.id = d.subscription_id
    WHERE d.status = 'pending' AND d.attempts > 0 AND d.retry_until <= ${retryUntil} AND s.status = 'active'
      AND s.last_delivered_at > ${deliveredAfter}
    GROUP BY s.id, s.url ORDER BY 4`,
);

/** Delivery state across all replicas. */
@Injectable()
export class EventBacklogQuery {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Counts each kind up to 100,000. `refused`: pending deliveries that have failed at least once. */
  async count(): Promise<BacklogCounts> {
    const [row] = await this.database.reads.rows(selectCounts({ limit: MAX_COUNTED }));
    return row ?? { undispatched: 0, pending: 0, dead: 0, refused: 0 };
  }

  /** Active subscriptions that have failed for a day without a success, longest first. */
  async listFailingSubscriptions(): Promise<FailingSubscription[]> {
    const failingSince = addSeconds(this.clock.now(), -FAILING_SECONDS);
    const rows = await selectFailingSubscriptions(this.database, failingSince);
    return rows.map(({ id, url, failing_since }) => ({
      id,
      host: new URL(url).host,
      failingSince: failing_since,
    }));
  }

  /**
   * Active subscriptions that accepted an event within the last hour but have refused others for longer, longest first.
   */
  async listHeldConnections(): Promise<HeldConnections[]> {
    const now = this.clock.now();
    const rows = await this.database.rows(
      selectHeld({
        retryUntil: addSeconds(now, RETRY_WINDOW_SECONDS - HELD_SECONDS),
        deliveredAfter: addSeconds(now, -HELD_SECONDS),
      }),
    );
    return rows.map(({ id, url, connections, event_id, retry_until }) => ({
      id,
      host: new URL(url).host,
      connections,
      eventId: event_id,
      since: addSeconds(retry_until, -RETRY_WINDOW_SECONDS),
    }));
  }
}
