import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.ts';
import { Database } from '../database/database.ts';
import { addSeconds, Clock } from '../platform/clock.ts';
import { Ids } from '../platform/ids.ts';

/** One lane of a subscription, in this replica's hands: its deliveries go out one after the other, and nobody else touches them. */
export interface ClaimedLane {
  subscriptionId: string;
  lane: string;
  claimId: string;
  /** Of the subscription, at the time of the claim. */
  revision: number;
}

/** A delivery that is to be made now. */
export interface DueDelivery {
  id: string;
  attempts: number;
  retryUntil: Date;
  eventId: string;
  type: string;
  /** JSON text. */
  data: string;
  eventAt: Date;
}

/** A claimed lane with the next of its deliveries, in their order. */
export interface LaneWork {
  lane: ClaimedLane;
  deliveries: DueDelivery[];
}

/** Deliveries taken from a lane at once, by number and by size of their events. */
const LANE_DELIVERIES = 20;
const LANE_BYTES = 256 * 1024;

interface DueRow {
  subscription_id: string;
  lane: string;
  id: string;
  attempts: number;
  retry_until: Date;
  event_id: string;
  type: string;
  data: string;
  event_at: Date;
}

/** Lanes that are due, taken by claims with a deadline: a replica that dies leaves them to the others. */
@Injectable()
export class DeliveryClaims {
  readonly #claimSeconds: number;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly ids: Ids,
    config: Config,
  ) {
    this.#claimSeconds = config.claimSeconds;
  }

  /**
   * Claims lanes that are due, the longest due first, up to `slots` of each active subscription, or up to what `busy` says for some.
   */
  async claim(slots: number, busy: ReadonlyMap<string, number>): Promise<ClaimedLane[]> {
    const now = this.clock.now();
    const claimId = this.ids.next('clm');
    const rows = await this.database.rows<{ subscription_id: string; lane: string; revision: number }>({
      text: `WITH due AS (
          SELECT l.subscription_id, l.lane, s.revision FROM subscription s
          LEFT JOIN unnest($3::text[], $4::int[]) AS b(id, slots) ON b.id = s.id
          CROSS JOIN LATERAL (
            SELECT d.subscription_id, d.lane FROM delivery_lane d WHERE d.subscription_id = s.id AND d.due_at <= $1
            ORDER BY d.due_at LIMIT coalesce(b.slots, $5) FOR UPDATE SKIP LOCKED
          ) l
          WHERE s.status = 'active' AND (s.resume_at IS NULL OR s.resume_at <= $1)
        )
        UPDATE delivery_lane l SET due_at = $2, claim_id = $6 FROM due
        WHERE l.subscription_id = due.subscription_id AND l.lane = due.lane
        RETURNING l.subscription_id, l.lane, due.revision`,
      values: [now, this.deadline(now), [...busy.keys()], [...busy.values()], slots, claimId],
    });
    return rows.map((row) => ({
      subscriptionId: row.subscription_id,
      lane: row.lane,
      claimId,
      revision: row.revision,
    }));
  }

  /**
   * What claimed lanes have to deliver next. Not part of the claim's statement: that one's snapshot can be older than the lock it
   * got, and would show as pending what another replica has just delivered.
   */
  async load(lanes: readonly ClaimedLane[]): Promise<LaneWork[]> {
    const rows = await this.database.rows<DueRow>({
      text: `SELECT c.subscription_id, c.lane, d.* FROM unnest($1::text[], $2::text[]) AS c(subscription_id, lane)
        CROSS JOIN LATERAL (
          SELECT p.id, p.attempts, p.retry_until, p.event_id, p.event_position, e.type, e.data::text AS data, e.created_at AS event_at,
            sum(octet_length(e.data::text)) OVER (ORDER BY p.event_position) - octet_length(e.data::text) AS bytes_before
          FROM (
            SELECT id, attempts, retry_until, event_id, event_position FROM delivery
            WHERE subscription_id = c.subscription_id AND lane = c.lane AND status = 'pending'
            ORDER BY event_position LIMIT $3
          ) p
          CROSS JOIN LATERAL (SELECT type, data, created_at FROM event WHERE id = p.event_id) e
        ) d
        WHERE d.bytes_before < $4 ORDER BY c.subscription_id, c.lane, d.event_position`,
      values: [lanes.map((each) => each.subscriptionId), lanes.map(({ lane }) => lane), LANE_DELIVERIES, LANE_BYTES],
    });
    const works = new Map(lanes.map((lane) => [keyOf(lane.subscriptionId, lane.lane), { lane, deliveries: [] }]));
    for (const row of rows) {
      const work: LaneWork | undefined = works.get(keyOf(row.subscription_id, row.lane));
      work?.deliveries.push(toDue(row));
    }
    return [...works.values()];
  }

  /** A sign of life for lanes that are still being worked on. */
  async extend(lanes: readonly ClaimedLane[]): Promise<void> {
    await this.move('due_at = $4', lanes, this.deadline(this.clock.now()));
  }

  /** Gives lanes back, due at once. */
  async release(lanes: readonly ClaimedLane[]): Promise<void> {
    await this.move('due_at = $4, claim_id = NULL', lanes, this.clock.now());
  }

  /** How often `extend` must come. */
  get heartbeatMs(): number {
    return (this.#claimSeconds * 1000) / 3;
  }

  private async move(change: string, lanes: readonly ClaimedLane[], dueAt: Date): Promise<void> {
    if (lanes.length === 0) return;
    await this.database.run({
      text: `UPDATE delivery_lane l SET ${change}
        FROM unnest($1::text[], $2::text[], $3::text[]) AS c(subscription_id, lane, claim_id)
        WHERE l.subscription_id = c.subscription_id AND l.lane = c.lane AND l.claim_id = c.claim_id`,
      values: [
        lanes.map((each) => each.subscriptionId),
        lanes.map(({ lane }) => lane),
        lanes.map(({ claimId }) => claimId),
        dueAt,
      ],
    });
  }

  private deadline(now: Date): Date {
    return addSeconds(now, this.#claimSeconds);
  }
}

function keyOf(subscriptionId: string, lane: string): string {
  return `${subscriptionId} ${lane}`;
}

function toDue(row: DueRow): DueDelivery {
  return {
    id: row.id,
    attempts: row.attempts,
    retryUntil: row.retry_until,
    eventId: row.event_id,
    type: row.type,
    data: row.data,
    eventAt: row.event_at,
  };
}
