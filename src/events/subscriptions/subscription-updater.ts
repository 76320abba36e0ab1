import { Injectable } from '@nestjs/common';
import { AuditLog } from '../../audit/audit-log.ts';
import { Database } from '../../database/database.ts';
import { Clock } from '../../platform/clock.ts';
import type { SubscriptionFilter } from '../outbox/subscription-filter.ts';
import {
  deleteEmptyQueuesOfSubscription,
  lockQueues,
  makeQueuesOfSubscriptionDue,
  revokeQueueClaims,
} from '../queue/delivery-queue.repository.ts';
import { lockFanOut } from '../queue/fan-out-lock.query.ts';
import { deleteUnwantedDeliveries } from '../queue/wanted-delivery.repository.ts';
import type { Requester } from './requester.ts';
import { SubscriptionRepository } from './subscription.repository.ts';
import type { SubscriptionRow } from './subscription.ts';
import { SubscriptionsService, toSubscriptionId } from './subscriptions.service.ts';

/**
 * Changes to a subscription. Absent fields stay; null tenants or products mean all. The URL must already be checked.
 */
export type SubscriptionChange = Partial<SubscriptionFilter & Pick<SubscriptionRow, 'url'>>;

type Changes = Record<string, { from: unknown; to: unknown } | { added: string[]; removed: string[] }>;

/** Changes a subscription's URL and filter, with an audit entry. */
@Injectable()
export class SubscriptionUpdater {
  constructor(
    private readonly database: Database,
    private readonly subscriptions: SubscriptionsService,
    private readonly rows: SubscriptionRepository,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {}

  /**
   * Takes effect at commit: undispatched events use the new filter, pending deliveries that no longer match are
   * dropped, and with a new URL all pending ones are due at once. A request under way still goes to the old URL; if its
   * event still matches, it is delivered again. Throws 404 `subscription_not_found`.
   */
  change(by: Requester, given: string, change: SubscriptionChange): Promise<SubscriptionRow> {
    return this.database.transaction(async (tx) => {
      const id = toSubscriptionId(given);
      // Same lock order as `AttemptRecorder`: queues, then the subscription.
      await lockFanOut(tx);
      await lockQueues(tx, id);
      const before = await this.subscriptions.lock(tx, id, by.scope);
      const after = { ...before, ...change };
      const changes = diffSubscription(before, after);
      if (Object.keys(changes).length === 0) return before;
      const hasNewUrl = after.url !== before.url;
      const now = this.clock.now();
      const row = await this.rows.update(tx, after, hasNewUrl, now);
      await revokeQueueClaims(tx, id, now);
      await deleteUnwantedDeliveries(tx, id);
      await deleteEmptyQueuesOfSubscription(tx, id);
      if (hasNewUrl) await makeQueuesOfSubscriptionDue(tx, id, now);
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
}

/**
 * Diffs two subscriptions: additions and removals for lists; only the host for URLs, since the path may be a secret.
 */
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
