import { Injectable } from '@nestjs/common';
import { SYSTEM } from '../../audit/actor.ts';
import { AuditLog } from '../../audit/audit-log.ts';
import { Batcher } from '../../database/batcher.ts';
import { Database, type Transaction } from '../../database/database.ts';
import { Clock } from '../../platform/clock.ts';
import type { DeliveryId, SubscriptionId } from '../ids.ts';
import { PayloadRetention } from '../outbox/payload-retention.ts';
import { deleteEmptyQueues } from '../queue/delivery-queue.repository.ts';
import { type DeliveryAttempt, recordDeliveryAttempts } from '../queue/pending-delivery.repository.ts';
import { type ClaimedQueue, lockClaimedQueues, releaseLockedQueues } from '../queue/queue-claim.repository.ts';
import type { Attempt } from '../subscribers/attempt.ts';
import { SubscriptionRepository } from '../subscriptions/subscription.repository.ts';
import {
  delaySubscription,
  markSubscriptionsFailed,
  markSubscriptionsSucceeded,
} from '../subscriptions/subscription-health.repository.ts';
import type { AttemptVerdict } from './classify-attempt.ts';

/** How one attempt ended. */
interface AttemptOutcome {
  queue: ClaimedQueue;
  deliveryId: DeliveryId;
  attempt: Attempt;
  verdict: AttemptVerdict;
  /** Whether this replica keeps its claim for the queue's next delivery. */
  shouldKeepClaim: boolean;
}

/** Outcomes per commit, and concurrent commits. */
const BATCH = { maxSize: 200, maxInFlight: 2 } as const;

/**
 * Records the outcomes of attempts. Attempts that end together share a transaction. Fenced: once a queue's claim is
 * lost, its outcome is not recorded here, because the replica that took the queue over records it.
 */
@Injectable()
export class AttemptRecorder {
  readonly #batcher = new Batcher<AttemptOutcome, boolean>((outcomes) => this.write(outcomes), BATCH);

  constructor(
    private readonly database: Database,
    private readonly subscriptions: SubscriptionRepository,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
    private readonly payloads: PayloadRetention,
  ) {}

  /** Resolves after the commit. False: the claim was lost and nothing was recorded. */
  record(outcome: AttemptOutcome): Promise<boolean> {
    return this.#batcher.submit(outcome);
  }

  private write(outcomes: AttemptOutcome[]): Promise<boolean[]> {
    return this.database.transaction(async (tx) => {
      // Until commit, nothing can be added to these queues; see `ensureQueues`.
      const isHeld = await lockClaimedQueues(
        tx,
        outcomes.map(({ queue }) => queue),
      );
      const held = outcomes.filter((_, index) => isHeld[index]);
      if (held.length > 0) {
        const now = this.clock.now();
        await recordDeliveryAttempts(tx, held.map(toDeliveryAttempt), now);
        await this.releaseQueues(tx, held, now);
        await this.markSubscriptions(tx, held, now);
        await this.payloads.dropDelivered(tx, deliveredOf(held));
      }
      return isHeld;
    });
  }

  /** Deletes empty queues. Queues with more deliveries are due at once, failed ones at their retry time. */
  private async releaseQueues(tx: Transaction, outcomes: readonly AttemptOutcome[], now: Date): Promise<void> {
    const released = outcomes
      .filter(({ shouldKeepClaim }) => !shouldKeepClaim)
      .map(({ queue, verdict }) => ({ ...queue, dueAt: verdict.kind === 'retry' ? verdict.retryAt : now }));
    if (released.length === 0) return;
    await deleteEmptyQueues(tx, released);
    await releaseLockedQueues(tx, released);
  }

  private async markSubscriptions(tx: Transaction, outcomes: readonly AttemptOutcome[], now: Date): Promise<void> {
    const succeededIds = ids(outcomes, ({ kind }) => kind === 'delivered');
    const failedIds = ids(outcomes, ({ kind }) => kind === 'retry' || kind === 'dead').filter(
      (id) => !succeededIds.includes(id),
    );
    await markSubscriptionsSucceeded(tx, succeededIds, now);
    await markSubscriptionsFailed(tx, failedIds, now);
    for (const outcome of outcomes) {
      if (outcome.verdict.kind === 'retry' && outcome.verdict.shouldDelaySubscription) {
        await delaySubscription(tx, outcome.queue.subscriptionId, outcome.verdict.retryAt);
      }
    }
    for (const id of ids(outcomes, ({ kind }) => kind === 'gone')) await this.endSubscription(tx, id, now);
  }

  /** The subscriber responded 410, so its deliveries end. `SubscriptionMaintenanceJob` marks the pending ones dead. */
  private async endSubscription(tx: Transaction, id: SubscriptionId, now: Date): Promise<void> {
    if (!(await this.subscriptions.end(tx, id, now))) return;
    await this.audit.record(tx, {
      action: 'subscription.ended',
      actor: SYSTEM,
      subjectId: id,
      details: { reason: 'gone', http_status: 410 },
    });
  }
}

const STATUS = { delivered: 'delivered', retry: 'pending', dead: 'dead', gone: 'dead' } as const;

function toDeliveryAttempt({ deliveryId, attempt, verdict }: AttemptOutcome): DeliveryAttempt {
  return {
    deliveryId,
    status: STATUS[verdict.kind],
    httpStatus: attempt.status,
    error: attempt.error,
    nextAttemptAt: verdict.kind === 'retry' ? verdict.retryAt : null,
  };
}

function deliveredOf(outcomes: readonly AttemptOutcome[]): DeliveryId[] {
  return outcomes.filter(({ verdict }) => verdict.kind === 'delivered').map(({ deliveryId }) => deliveryId);
}

function ids(outcomes: readonly AttemptOutcome[], has: (verdict: AttemptVerdict) => boolean): SubscriptionId[] {
  const found = outcomes.filter(({ verdict }) => has(verdict)).map(({ queue }) => queue.subscriptionId);
  return [...new Set(found)].sort();
}
