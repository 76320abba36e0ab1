import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.ts';
import { addSeconds, Clock } from '../platform/clock.ts';

/** A subscription that takes nothing is told of after this long: by metrics, `doctor` and one audit entry. */
export const FAILING_SECONDS = 86_400;
const MOST_COUNTED = 100_000;

export interface FailingSubscription {
  id: string;
  /** Without its path, which may hold what a subscriber takes for a secret. */
  host: string;
  failingSince: Date;
}

/** How delivery stands, over all replicas. */
@Injectable()
export class EventBacklog {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Up to 100,000 of each. */
  async count(): Promise<{ undispatched: number; pending: number; dead: number }> {
    const [row] = await this.database.rows<{ undispatched: number; pending: number; dead: number }>({
      name: 'event_backlog',
      text: `SELECT
        (SELECT count(*) FROM (SELECT 1 FROM event WHERE dispatched_at IS NULL LIMIT $1) a)::int AS undispatched,
        (SELECT count(*) FROM (SELECT 1 FROM delivery WHERE status = 'pending' LIMIT $1) b)::int AS pending,
        (SELECT count(*) FROM (SELECT 1 FROM delivery WHERE status = 'dead' LIMIT $1) c)::int AS dead`,
      values: [MOST_COUNTED],
    });
    return row ?? { undispatched: 0, pending: 0, dead: 0 };
  }

  /** Active subscriptions that failed for a day without one success, the longest first. */
  async failingForADay(): Promise<FailingSubscription[]> {
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
}
