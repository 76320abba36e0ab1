import { Injectable } from '@nestjs/common';
import { AuditLog } from '../../audit/audit-log.ts';
import { Database, type Transaction } from '../../database/database.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { firstIdAt, isId } from '../../platform/ids.ts';
import { AppError, defineProblem } from '../../platform/problem.ts';
import type { DeliveryId, SubscriptionId } from '../ids.ts';
import { lockPayloadsOfDeliveries } from '../outbox/event-payload.repository.ts';
import { lockQueuesOfDeliveries, makeQueuesDue } from '../queue/delivery-queue.repository.ts';
import type { DeliveryStatus } from '../queue/delivery-status.ts';
import { lockFanOut } from '../queue/fan-out-lock.query.ts';
import { hasContent, resetDeliveries } from '../queue/wanted-delivery.repository.ts';
import type { Requester, SubscriptionScope } from '../subscriptions/requester.ts';
import { SubscriptionsService } from '../subscriptions/subscriptions.service.ts';
import {
  type DeliveredEventRow,
  type DeliveryRow,
  findDeliveredEvent,
  findDelivery,
  listDeliveries,
  listDeliveryIds,
} from './delivery.repository.ts';
import { RETRY_WINDOW_SECONDS } from './retry-schedule.ts';

declare module '../../platform/problem.ts' {
  interface ProblemCodes {
    delivery_not_found: true;
    delivery_unwanted: true;
    payload_gone: true;
    subscription_ended: true;
  }
}

export const deliveryNotFound = defineProblem(
  'delivery_not_found',
  404,
  'There is no delivery with this id.',
  'Check the id; GET /v1/subscriptions/{id}/deliveries lists those that are kept.',
);
export const subscriptionEnded = defineProblem(
  'subscription_ended',
  409,
  'This subscription has ended, because its receiver responded 410.',
  'Resume it with POST /v1/subscriptions/{id}/resume, then replay.',
);

export const deliveryUnwanted = defineProblem(
  'delivery_unwanted',
  409,
  'This subscription no longer receives events of this kind.',
  'Change its events, tenants, or products with PATCH /v1/subscriptions/{id}, then replay.',
);

export const payloadGone = defineProblem(
  'payload_gone',
  409,
  'The data of this event is gone, so it cannot be sent again.',
  'Read what you need from Meta. WEBHOOK_RETENTION_DAYS and WEBHOOK_KEEP set how long payloads are kept.',
);

/** What to replay: deliveries created in [`from`, `to`) with one of these statuses. */
export interface ReplayRange {
  from: Date;
  to: Date;
  statuses: readonly DeliveryStatus[];
}

const REPLAY_BATCH = 5_000;

/** Lists and replays deliveries. */
@Injectable()
export class DeliveriesService {
  constructor(
    private readonly database: Database,
    private readonly subscriptions: SubscriptionsService,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {}

  /** Newest first: up to `limit` + 1 rows after `before`, as `toPage` expects. Throws 404 `subscription_not_found`. */
  async list(
    given: string,
    scope: SubscriptionScope,
    { status, limit, before }: { status: DeliveryStatus | null; limit: number; before: string | null },
  ): Promise<DeliveryRow[]> {
    const { id: subscriptionId } = await this.subscriptions.get(given, scope);
    return listDeliveries(this.database.reads, { subscriptionId, status, before, limit: limit + 1 });
  }

  /** Throws 404 `delivery_not_found`. */
  async get(id: string, scope: SubscriptionScope): Promise<DeliveryRow> {
    const row = isId(id, 'dlv') ? await findDelivery(this.database, id) : null;
    if (row === null) throw new AppError(deliveryNotFound);
    try {
      await this.subscriptions.get(row.subscription_id, scope);
    } catch (error) {
      throw error instanceof AppError ? new AppError(deliveryNotFound) : error;
    }
    return row;
  }

  /** The event of a delivery, without what Meta sent. Throws 404 `delivery_not_found`. */
  async getEvent(id: string, scope: SubscriptionScope): Promise<DeliveredEventRow> {
    const delivery = await this.get(id, scope);
    const event = await findDeliveredEvent(this.database, delivery.id);
    if (event === null) throw new AppError(deliveryNotFound);
    return event;
  }

  /**
   * Replays one delivery at once, whatever its outcome: same event, same `webhook-id`, retried for three more days. A
   * delivery that waits for its next attempt becomes due now. Throws 404 `delivery_not_found`, 409
   * `subscription_ended`, 409 `delivery_unwanted`, 409 `payload_gone`.
   */
  async replay(by: Requester, given: string): Promise<DeliveryRow> {
    const { id, subscription_id: subscriptionId } = await this.get(given, by.scope);
    await this.requireNotEnded(by, subscriptionId);
    await this.database.transaction(async (tx) => {
      const replayed = await this.resetForReplay(tx, [id]);
      if (replayed === 0) throw new AppError((await hasContent(tx, id)) ? deliveryUnwanted : payloadGone);
      await this.record(tx, by, subscriptionId, { delivery_id: id, replayed });
    });
    return this.get(id, by.scope);
  }

  /**
   * Replays all deliveries of a range that still match the subscription's filter and still have data; returns how many.
   * Throws 404 `subscription_not_found`, 409 `subscription_ended`.
   */
  async replayRange(by: Requester, given: string, range: ReplayRange): Promise<number> {
    const subscriptionId = await this.requireNotEnded(by, given);
    const { from, to, statuses } = range;
    let [after, total, found] = [firstIdAt('dlv', from), 0, REPLAY_BATCH];
    while (found === REPLAY_BATCH) {
      const ids = await listDeliveryIds(this.database, { subscriptionId, after, to, statuses, limit: REPLAY_BATCH });
      found = ids.length;
      after = ids.at(-1) ?? after;
      if (found === 0) break;
      total += await this.database.transaction(async (tx) => {
        const replayed = await this.resetForReplay(tx, ids);
        const details = { from: from.toISOString(), to: to.toISOString(), statuses, replayed };
        await this.record(tx, by, subscriptionId, details);
        return replayed;
      });
    }
    return total;
  }

  private async requireNotEnded(by: Requester, given: string): Promise<SubscriptionId> {
    const { id, status } = await this.subscriptions.get(given, by.scope);
    if (status === 'ended') throw new AppError(subscriptionEnded);
    return id;
  }

  /** Makes the deliveries that still match the filter pending and due at once; returns how many. */
  private async resetForReplay(tx: Transaction, ids: readonly DeliveryId[]): Promise<number> {
    const now = this.clock.now();
    await lockFanOut(tx);
    await lockQueuesOfDeliveries(tx, ids);
    await lockPayloadsOfDeliveries(tx, ids);
    const queues = await resetDeliveries(tx, ids, addSeconds(now, RETRY_WINDOW_SECONDS));
    await makeQueuesDue(tx, queues, now);
    return queues.length;
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
