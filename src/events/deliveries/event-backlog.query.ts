import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { DAY_SECONDS, HOUR_SECONDS } from '../../platform/duration.ts';
import { RETRY_WINDOW_SECONDS } from './retry-schedule.ts';

/** A subscription that takes nothing is told of after this long: by metrics, `doctor` and one audit entry. */
export const FAILING_SECONDS = DAY_SECONDS;
/** An event that has been refused for this long, by a subscriber that takes others, is no matter of an outage. */
export const HELD_SECONDS = HOUR_SECONDS;
const MAX_COUNTED = 100_000;

export interface FailingSubscription {
  id: string;
  /** Without its path, which may hold what a subscriber takes for a secret. */
  host: string;
  failingSince: Date;
}

/** Connections whose next events a subscriber refuses although it takes those of others: what comes after them waits. */
export interface HeldConnections {
  id: string;
  host: string;
  connections: number;
  /** The event that has been refused for the longest. */
  eventId: string;
  since: Date;
}

/** How delivery stands, over all replicas. */
@Injectable()
export class EventBacklogQuery {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Up to 100,000 of each. `refused`: those of the pending that have failed at least once. */
  async count(): Promise<BacklogCounts> {
    const [row] = await this.database.rows<BacklogCounts>({
      name: 'event_backlog',
      text: `SELECT
        (SELECT count(*) FROM (SELECT 1 FROM event WHERE dispatched_at IS NULL LIMIT $1) a)::int AS undispatched,
        (SELECT count(*) FROM (SELECT 1 FROM delivery WHERE status = 'pending' LIMIT $1) b)::int AS pending,
        (SELECT count(*) FROM (SELECT 1 FROM delivery WHERE status = 'dead' LIMIT $1) c)::int AS dead,
        (SELECT count(*) FROM (SELECT 1 FROM delivery WHERE status = 'pending' AND attempts > 0 LIMIT $1) d)::int AS refused`,
      values: [MAX_COUNTED],
    });
    return row ?? { undispatched: 0, pending: 0, dead: 0, refused: 0 };
  }

  /** Active subscriptions that failed for a day without one success, the longest first. */
  async listFailingSubscriptions(): Promise<FailingSubscription[]> {
    const rows = await this.database.rows<{ id: string; url: string; failing_since: Date }>({
      text: `SELECT id, url, failing_since FROM subscription WHERE status = 'active' AND failing_since <= $1
        ORDER BY failing_since`,
      values: [addSeconds(this.clock.now(), -FAILING_SECONDS)],
    });
    return rows.map(({ id, url, failing_since }) => ({
      id,
      host: new URL(url).host,
      failingSince: failing_since,
    }));
  }

  /** Active subscriptions that took something within the last hour, and have refused other events for longer; the longest first. */
  async listHeldConnections(): Promise<HeldConnections[]> {
    const now = this.clock.now();
    const rows = await this.database.rows<{
      id: string;
      url: string;
      connections: number;
      event_id: string;
      retry_until: Date;
    }>({
      text: `SELECT s.id, s.url, count(DISTINCT d.ordering_key)::int AS connections, min(d.retry_until) AS retry_until,
          (array_agg(d.event_id ORDER BY d.retry_until))[1] AS event_id
        FROM delivery d JOIN subscription s ON s.id = d.subscription_id
        WHERE d.status = 'pending' AND d.attempts > 0 AND d.retry_until <= $1 AND s.status = 'active' AND s.last_delivered_at > $2
        GROUP BY s.id, s.url ORDER BY 4`,
      values: [addSeconds(now, RETRY_WINDOW_SECONDS - HELD_SECONDS), addSeconds(now, -HELD_SECONDS)],
    });
    return rows.map(({ id, url, connections, event_id, retry_until }) => ({
      id,
      host: new URL(url).host,
      connections,
      eventId: event_id,
      since: addSeconds(retry_until, -RETRY_WINDOW_SECONDS),
    }));
  }
}

export interface BacklogCounts {
  undispatched: number;
  pending: number;
  dead: number;
  refused: number;
}
