import { Injectable } from '@nestjs/common';
import { AuditLog } from '../../audit/audit-log.ts';
import { Database, type Transaction } from '../../database/database.ts';
import { Clock } from '../../platform/clock.ts';
import { lockFanOut } from '../dispatch/fan-out.ts';
import type { SubscriptionFilter, SubscriptionRow } from './subscription.ts';
import {
  lockQueues,
  type Requester,
  revokeQueueClaims,
  SUBSCRIPTION_COLUMNS,
  SubscriptionsService,
} from './subscriptions.service.ts';

/** What may be changed of a subscription. What is absent stays; null tenants or products are all. The URL is checked before. */
export type SubscriptionChange = Partial<SubscriptionFilter & Pick<SubscriptionRow, 'url'>>;

type Changes = Record<string, { from: unknown; to: unknown } | { added: string[]; removed: string[] }>;

/** Changes where a subscription's events go and which ones it gets, with the audit entry. */
@Injectable()
export class SubscriptionUpdater {
  constructor(
    private readonly database: Database,
    private readonly subscriptions: SubscriptionsService,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {}

  /**
   * Counts from its commit on: events that are not dispatched by then go by the new filter, what waits and is not wanted any more is
   * dropped, and after a new URL all that waits is due at once. A request under way ends where it began; what it delivered, and the
   * subscription still wants, comes again. Throws 404 `subscription_not_found`.
   */
  change(by: Requester, id: string, change: SubscriptionChange): Promise<SubscriptionRow> {
    return this.database.transaction(async (tx) => {
      // In the order in which records of deliveries lock them: queues first, then the subscription.
      await lockFanOut(tx);
      await lockQueues(tx, id);
      const before = await this.subscriptions.lock(tx, id, by.scope);
      const after = { ...before, ...change };
      const changes = diffSubscription(before, after);
      if (Object.keys(changes).length === 0) return before;
      const hasNewUrl = after.url !== before.url;
      const row = await this.write(tx, after, hasNewUrl);
      await revokeQueueClaims(tx, id, this.clock.now());
      await deleteUnwantedDeliveries(tx, after);
      if (hasNewUrl) await this.makeDueNow(tx, id);
      await this.audit.record(tx, {
        action: 'subscription.changed',
        actor: by.actor,
        requestId: by.requestId,
        subjectId: id,
        details: { changes },
      });
      return row;
    });
  }

  /** What the old receiver failed in, and the rest that it asked for, say nothing of a new one. */
  private async write(tx: Transaction, after: SubscriptionRow, hasNewUrl: boolean): Promise<SubscriptionRow> {
    const [row] = await tx.rows<SubscriptionRow>({
      text: `UPDATE subscription SET url = $2, events = $3, tenants = $4, products = $5, updated_at = $6, revision = revision + 1,
          resume_at = CASE WHEN $7 THEN NULL ELSE resume_at END,
          failing_since = CASE WHEN $7 THEN NULL ELSE failing_since END,
          failure_noticed_at = CASE WHEN $7 THEN NULL ELSE failure_noticed_at END
        WHERE id = $1 RETURNING ${SUBSCRIPTION_COLUMNS}`,
      values: [after.id, after.url, after.events, after.tenants, after.products, this.clock.now(), hasNewUrl],
    });
    if (row === undefined) throw new Error('the subscription was not written');
    return row;
  }

  private async makeDueNow(tx: Transaction, id: string): Promise<void> {
    await tx.run({
      text: 'UPDATE delivery_queue SET due_at = $2 WHERE subscription_id = $1 AND due_at > $2',
      values: [id, this.clock.now()],
    });
  }
}

/** Pending deliveries outside of the filter go, and queues that they leave empty. */
async function deleteUnwantedDeliveries(
  tx: Transaction,
  { id, events, tenants, products }: SubscriptionRow,
): Promise<void> {
  await tx.run({
    text: `DELETE FROM delivery d USING event e WHERE d.subscription_id = $1 AND d.status = 'pending' AND e.id = d.event_id
      AND NOT (e.type = ANY ($2::text[]) AND ($3::text[] IS NULL OR coalesce(e.tenant = ANY ($3), false))
        AND ($4::text[] IS NULL OR coalesce(e.product = ANY ($4), false)))`,
    values: [id, events, tenants, products],
  });
  await tx.run({
    text: `DELETE FROM delivery_queue l WHERE l.subscription_id = $1 AND NOT EXISTS (
      SELECT 1 FROM delivery d WHERE d.subscription_id = l.subscription_id AND d.ordering_key = l.ordering_key AND d.status = 'pending')`,
    values: [id],
  });
}

/** What differs: lists by what came and went; of a URL its host, because its path may hold what a subscriber takes for a secret. */
function diffSubscription(before: SubscriptionRow, after: SubscriptionRow): Changes {
  const changes: Changes = {};
  if (before.url !== after.url) changes['host'] = { from: new URL(before.url).host, to: new URL(after.url).host };
  for (const field of ['events', 'tenants', 'products'] as const) {
    const from: readonly string[] | null = before[field];
    const to: readonly string[] | null = after[field];
    if (from === null || to === null) {
      if (from !== to) changes[field] = { from, to };
      continue;
    }
    const added = to.filter((each) => !from.includes(each));
    const removed = from.filter((each) => !to.includes(each));
    if (added.length + removed.length > 0) changes[field] = { added, removed };
  }
  return changes;
}
