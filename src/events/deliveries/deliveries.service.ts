import { Injectable } from '@nestjs/common';
import { AuditLog } from '../../audit/audit-log.ts';
import { Database, type Transaction } from '../../database/database.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { firstIdAt, isId } from '../../platform/ids.ts';
import { AppError, defineProblem } from '../../platform/problem.ts';
import { ensureQueues, lockFanOut } from '../dispatch/fan-out.ts';
import {
  type Requester,
  type SubscriptionScope,
  SubscriptionsService,
} from '../subscriptions/subscriptions.service.ts';
import { RETRY_WINDOW_SECONDS } from './retry-schedule.ts';

export const deliveryNotFound = defineProblem(
  'delivery_not_found',
  404,
  'There is no delivery with this id.',
  'Check the id; GET /v1/subscriptions/{id}/deliveries lists those that are kept.',
);
export const subscriptionEnded = defineProblem(
  'subscription_ended',
  409,
  'This subscription has ended, because its receiver answered 410.',
  'Resume it with POST /v1/subscriptions/{id}/resume, then replay.',
);

export const deliveryUnwanted = defineProblem(
  'delivery_unwanted',
  409,
  'This subscription does not get events of this kind any more.',
  'Change its events, tenants or products with PATCH /v1/subscriptions/{id} first, then replay.',
);

export const DELIVERY_STATUSES = ['pending', 'delivered', 'dead'] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** A delivery with what it is about. */
export interface DeliveryRow {
  id: string;
  subscription_id: string;
  event_id: string;
  type: string;
  tenant: string | null;
  connection_id: string | null;
  status: DeliveryStatus;
  attempts: number;
  last_attempt_at: Date | null;
  last_status: number | null;
  last_error: string | null;
  next_attempt_at: Date | null;
  delivered_at: Date | null;
  created_at: Date;
}

/** What to replay: deliveries made from `from` on and before `to`, of these statuses. */
export interface ReplayRange {
  from: Date;
  to: Date;
  statuses: readonly DeliveryStatus[];
}

const COLUMNS = `d.id, d.subscription_id, d.event_id, e.type, e.tenant, e.connection_id, d.status, d.attempts, d.last_attempt_at,
  d.last_status, d.last_error, d.next_attempt_at, d.delivered_at, d.created_at`;
const REPLAY_BATCH = 5_000;

/** Deliveries to look at and to make again. */
@Injectable()
export class DeliveriesService {
  constructor(
    private readonly database: Database,
    private readonly subscriptions: SubscriptionsService,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {}

  /** The newest first: up to `limit` + 1 rows behind `before`, as `toPage` wants them. Throws 404 `subscription_not_found`. */
  async list(
    subscriptionId: string,
    scope: SubscriptionScope,
    filter: { status: DeliveryStatus | null; limit: number; before: string | null },
  ): Promise<DeliveryRow[]> {
    await this.subscriptions.get(subscriptionId, scope);
    return this.database.rows<DeliveryRow>({
      text: `SELECT ${COLUMNS} FROM delivery d JOIN event e ON e.id = d.event_id
        WHERE d.subscription_id = $1 AND ($2::text IS NULL OR d.status = $2) AND ($3::text IS NULL OR d.id < $3)
        ORDER BY d.id DESC LIMIT $4`,
      values: [subscriptionId, filter.status, filter.before, filter.limit + 1],
    });
  }

  /** Throws 404 `delivery_not_found`. */
  async get(id: string, scope: SubscriptionScope): Promise<DeliveryRow> {
    const [row] = isId(id, 'dlv')
      ? await this.database.rows<DeliveryRow>({
          text: `SELECT ${COLUMNS} FROM delivery d JOIN event e ON e.id = d.event_id WHERE d.id = $1`,
          values: [id],
        })
      : [];
    if (row === undefined) throw new AppError(deliveryNotFound);
    try {
      await this.subscriptions.get(row.subscription_id, scope);
    } catch (error) {
      throw error instanceof AppError ? new AppError(deliveryNotFound) : error;
    }
    return row;
  }

  /**
   * Makes one delivery again, at once, whatever came of it before: the same event under the same `webhook-id`, for three days more.
   * One that waits for its next attempt is due now. Throws 404 `delivery_not_found`, 409 `subscription_ended`, 409 `delivery_unwanted`.
   */
  async replay(by: Requester, id: string): Promise<DeliveryRow> {
    const { subscription_id: subscriptionId } = await this.get(id, by.scope);
    await this.requireNotEnded(by, subscriptionId);
    await this.database.transaction(async (tx) => {
      await lockFanOut(tx);
      const queues = await this.resetForReplay(tx, [id]);
      if (queues.length === 0) throw new AppError(deliveryUnwanted);
      await this.makeDueNow(tx, queues);
      await this.record(tx, by, subscriptionId, { delivery_id: id, replayed: queues.length });
    });
    return this.get(id, by.scope);
  }

  /** Makes all deliveries of a range again that the subscription still wants; how many that are. Throws 404 `subscription_not_found`, 409 `subscription_ended`. */
  async replayRange(by: Requester, subscriptionId: string, range: ReplayRange): Promise<number> {
    await this.requireNotEnded(by, subscriptionId);
    let [after, total, found] = [firstIdAt('dlv', range.from), 0, REPLAY_BATCH];
    while (found === REPLAY_BATCH) {
      const batch = await this.database.rows<{ id: string }>({
        text: `SELECT id FROM delivery WHERE subscription_id = $1 AND id > $2 AND id < $3 AND status = ANY ($4) ORDER BY id LIMIT $5`,
        values: [subscriptionId, after, firstIdAt('dlv', range.to), range.statuses, REPLAY_BATCH],
      });
      found = batch.length;
      after = batch.at(-1)?.id ?? after;
      if (found === 0) break;
      total += await this.database.transaction(async (tx) => {
        await lockFanOut(tx);
        const queues = await this.resetForReplay(
          tx,
          batch.map(({ id }) => id),
        );
        await this.makeDueNow(tx, queues);
        const { from, to, statuses } = range;
        const details = { from: from.toISOString(), to: to.toISOString(), statuses, replayed: queues.length };
        await this.record(tx, by, subscriptionId, details);
        return queues.length;
      });
    }
    return total;
  }

  private async requireNotEnded(by: Requester, subscriptionId: string): Promise<void> {
    const { status } = await this.subscriptions.get(subscriptionId, by.scope);
    if (status === 'ended') throw new AppError(subscriptionEnded);
  }

  /** What the subscription wanted once and does not any more stays as it is: it may be of a tenant that was taken from it. */
  private async resetForReplay(tx: Transaction, ids: readonly string[]): Promise<QueueKey[]> {
    // Before their deliveries, in key order, as records of deliveries do: in the other order they would wait for each other.
    await tx.run({
      text: `SELECT 1 FROM delivery_queue l WHERE (l.subscription_id, l.ordering_key) IN (
          SELECT d.subscription_id, d.ordering_key FROM delivery d WHERE d.id = ANY ($1)) ORDER BY l.subscription_id, l.ordering_key FOR UPDATE`,
      values: [ids],
    });
    return tx.rows<QueueKey>({
      text: `UPDATE delivery d SET status = 'pending', attempts = 0, next_attempt_at = NULL, delivered_at = NULL, retry_until = $1
        FROM event e, subscription s
        WHERE d.id = ANY ($2) AND e.id = d.event_id AND s.id = d.subscription_id AND e.type = ANY (s.events)
          AND (s.tenants IS NULL OR e.tenant = ANY (s.tenants)) AND (s.products IS NULL OR e.product = ANY (s.products))
        RETURNING d.subscription_id AS "subscriptionId", d.ordering_key AS "orderingKey"`,
      values: [addSeconds(this.clock.now(), RETRY_WINDOW_SECONDS), ids],
    });
  }

  /** Makes queues that nobody works on due at once. */
  private async makeDueNow(tx: Transaction, queues: readonly QueueKey[]): Promise<void> {
    const now = this.clock.now();
    await ensureQueues(tx, queues, now);
    await tx.run({
      text: `UPDATE delivery_queue l SET due_at = $3 FROM unnest($1::text[], $2::text[]) AS c(subscription_id, ordering_key)
        WHERE l.subscription_id = c.subscription_id AND l.ordering_key = c.ordering_key AND l.claim_id IS NULL AND l.due_at > $3`,
      values: [queues.map(({ subscriptionId }) => subscriptionId), queues.map(({ orderingKey }) => orderingKey), now],
    });
  }

  private record(
    tx: Transaction,
    { actor, requestId }: Requester,
    subjectId: string,
    details: Record<string, unknown>,
  ): Promise<void> {
    return this.audit.record(tx, { action: 'deliveries.replayed', actor, requestId, subjectId, details });
  }
}

interface QueueKey {
  subscriptionId: string;
  orderingKey: string;
}
