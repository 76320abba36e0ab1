import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.ts';
import { Database } from '../../database/database.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { Ids } from '../../platform/ids.ts';

/** One queue of a subscription, in this replica's hands: its deliveries go out one after the other, and nobody else touches them. */
export interface ClaimedQueue {
  subscriptionId: string;
  orderingKey: string;
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

/** A claimed queue with the next of its deliveries, in their order. */
export interface QueueBatch {
  queue: ClaimedQueue;
  deliveries: DueDelivery[];
}

/** Deliveries taken from a queue at once, by number and by size of their events. */
const MAX_BATCH_DELIVERIES = 20;
const MAX_BATCH_BYTES = 256 * 1024;

interface DueRow {
  subscription_id: string;
  ordering_key: string;
  id: string;
  attempts: number;
  retry_until: Date;
  event_id: string;
  type: string;
  data: string;
  event_at: Date;
}

/** Queues that are due, taken by claims with a deadline: a replica that dies leaves them to the others. */
@Injectable()
export class QueueClaimer {
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
   * Claims queues that are due, the longest due first, up to `slots` of each active subscription, or up to what `busy` says for some.
   */
  async claim(slots: number, slotLimits: ReadonlyMap<string, number>): Promise<ClaimedQueue[]> {
    const now = this.clock.now();
    const claimId = this.ids.next('clm');
    const rows = await this.database.rows<{ subscription_id: string; ordering_key: string; revision: number }>({
      text: `WITH due AS (
          SELECT l.subscription_id, l.ordering_key, s.revision FROM subscription s
          LEFT JOIN unnest($3::text[], $4::int[]) AS b(id, slots) ON b.id = s.id
          CROSS JOIN LATERAL (
            SELECT d.subscription_id, d.ordering_key FROM delivery_queue d WHERE d.subscription_id = s.id AND d.due_at <= $1
            ORDER BY d.due_at LIMIT coalesce(b.slots, $5) FOR UPDATE SKIP LOCKED
          ) l
          WHERE s.status = 'active' AND (s.resume_at IS NULL OR s.resume_at <= $1)
        )
        UPDATE delivery_queue l SET due_at = $2, claim_id = $6 FROM due
        WHERE l.subscription_id = due.subscription_id AND l.ordering_key = due.ordering_key
        RETURNING l.subscription_id, l.ordering_key, due.revision`,
      values: [now, this.deadline(now), [...slotLimits.keys()], [...slotLimits.values()], slots, claimId],
    });
    return rows.map((row) => ({
      subscriptionId: row.subscription_id,
      orderingKey: row.ordering_key,
      claimId,
      revision: row.revision,
    }));
  }

  /**
   * What claimed queues have to deliver next. Not part of the claim's statement: that one's snapshot can be older than the lock it
   * got, and would show as pending what another replica has just delivered.
   */
  async load(queues: readonly ClaimedQueue[]): Promise<QueueBatch[]> {
    const rows = await this.database.rows<DueRow>({
      text: `SELECT c.subscription_id, c.ordering_key, d.* FROM unnest($1::text[], $2::text[]) AS c(subscription_id, ordering_key)
        CROSS JOIN LATERAL (
          SELECT p.id, p.attempts, p.retry_until, p.event_id, p.event_position, e.type, e.data::text AS data, e.created_at AS event_at,
            sum(octet_length(e.data::text)) OVER (ORDER BY p.event_position) - octet_length(e.data::text) AS bytes_before
          FROM (
            SELECT id, attempts, retry_until, event_id, event_position FROM delivery
            WHERE subscription_id = c.subscription_id AND ordering_key = c.ordering_key AND status = 'pending'
            ORDER BY event_position LIMIT $3
          ) p
          CROSS JOIN LATERAL (SELECT type, data, created_at FROM event WHERE id = p.event_id) e
        ) d
        WHERE d.bytes_before < $4 ORDER BY c.subscription_id, c.ordering_key, d.event_position`,
      values: [
        queues.map((each) => each.subscriptionId),
        queues.map(({ orderingKey }) => orderingKey),
        MAX_BATCH_DELIVERIES,
        MAX_BATCH_BYTES,
      ],
    });
    const batches = new Map(
      queues.map((queue) => [keyOf(queue.subscriptionId, queue.orderingKey), { queue, deliveries: [] }]),
    );
    for (const row of rows) {
      const batch: QueueBatch | undefined = batches.get(keyOf(row.subscription_id, row.ordering_key));
      batch?.deliveries.push(toDue(row));
    }
    return [...batches.values()];
  }

  /** A sign of life for queues that are still being worked on. */
  async extend(queues: readonly ClaimedQueue[]): Promise<void> {
    await this.updateClaimed('due_at = $4', queues, this.deadline(this.clock.now()));
  }

  /** Gives queues back, due at once. */
  async release(queues: readonly ClaimedQueue[]): Promise<void> {
    await this.updateClaimed('due_at = $4, claim_id = NULL', queues, this.clock.now());
  }

  /** How often `extend` must come. */
  get heartbeatMs(): number {
    return (this.#claimSeconds * 1000) / 3;
  }

  private async updateClaimed(change: string, queues: readonly ClaimedQueue[], dueAt: Date): Promise<void> {
    if (queues.length === 0) return;
    await this.database.run({
      text: `UPDATE delivery_queue l SET ${change}
        FROM unnest($1::text[], $2::text[], $3::text[]) AS c(subscription_id, ordering_key, claim_id)
        WHERE l.subscription_id = c.subscription_id AND l.ordering_key = c.ordering_key AND l.claim_id = c.claim_id`,
      values: [
        queues.map((each) => each.subscriptionId),
        queues.map(({ orderingKey }) => orderingKey),
        queues.map(({ claimId }) => claimId),
        dueAt,
      ],
    });
  }

  private deadline(now: Date): Date {
    return addSeconds(now, this.#claimSeconds);
  }
}

function keyOf(subscriptionId: string, orderingKey: string): string {
  return `${subscriptionId} ${orderingKey}`;
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
