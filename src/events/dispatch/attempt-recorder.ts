import { Injectable } from '@nestjs/common';
import { AuditLog, SYSTEM } from '../../audit/audit-log.ts';
import { Batcher } from '../../database/batcher.ts';
import { Database, type Transaction } from '../../database/database.ts';
import { Clock } from '../../platform/clock.ts';
import type { ClaimedQueue } from '../queue/queue-claimer.ts';
import type { Attempt, AttemptVerdict } from './classify-attempt.ts';

/** How one attempt ended. */
export interface AttemptOutcome {
  queue: ClaimedQueue;
  deliveryId: string;
  attempt: Attempt;
  verdict: AttemptVerdict;
  /** Whether the queue stays in this replica's hands for its next delivery. */
  shouldKeepClaim: boolean;
}

/** Outcomes of one commit, and commits at once. */
const BATCH = { maxSize: 200, maxInFlight: 2 } as const;

/**
 * Writes down what came of attempts; those that end at the same time share one transaction. Fenced: what a replica did in a queue
 * that is no longer its own is not recorded, because whoever took the queue over records it.
 *
 * Statements over these tables have no names: a plan that Postgres keeps from when they were empty reads them whole when they are
 * full. Planning again costs little beside the many rows of each statement.
 */
@Injectable()
export class AttemptRecorder {
  readonly #batcher = new Batcher<AttemptOutcome, boolean>((outcomes) => this.write(outcomes), BATCH);

  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {}

  /** Committed when it resolves. False: the queue is not ours any more, nothing was recorded. */
  record(outcome: AttemptOutcome): Promise<boolean> {
    return this.#batcher.submit(outcome);
  }

  private write(outcomes: AttemptOutcome[]): Promise<boolean[]> {
    return this.database.transaction(async (tx) => {
      const isHeld = await this.lock(tx, outcomes);
      const held = outcomes.filter((_, index) => isHeld[index]);
      if (held.length > 0) {
        await this.markDeliveries(tx, held);
        await this.releaseQueues(tx, held);
        await this.markSubscriptions(tx, held);
      }
      return isHeld;
    });
  }

  /** Locks the queues that are still ours, in key order. From here on nothing can be added to them, see `ensureQueues`. */
  private async lock(tx: Transaction, outcomes: readonly AttemptOutcome[]): Promise<boolean[]> {
    const rows = await tx.rows<{ position: string }>({
      text: `SELECT c.position FROM delivery_queue l
        JOIN unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS c(subscription_id, ordering_key, claim_id, position)
          ON l.subscription_id = c.subscription_id AND l.ordering_key = c.ordering_key AND l.claim_id = c.claim_id
        ORDER BY l.subscription_id, l.ordering_key FOR UPDATE OF l`,
      values: [subscriptionIds(outcomes), orderingKeys(outcomes), outcomes.map(({ queue }) => queue.claimId)],
    });
    const positions = new Set(rows.map(({ position }) => Number(position)));
    return outcomes.map((_, index) => positions.has(index + 1));
  }

  private async markDeliveries(tx: Transaction, outcomes: readonly AttemptOutcome[]): Promise<void> {
    await tx.run({
      text: `UPDATE delivery d SET status = o.status, attempts = d.attempts + 1, last_attempt_at = $6, last_status = o.http_status,
          last_error = o.error, next_attempt_at = o.next_attempt_at,
          delivered_at = CASE WHEN o.status = 'delivered' THEN $6::timestamptz END
        FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::timestamptz[]) AS o(id, status, http_status, error, next_attempt_at)
        WHERE d.id = o.id AND d.status = 'pending'`,
      values: [
        outcomes.map(({ deliveryId }) => deliveryId),
        outcomes.map(({ verdict }) => STATUS[verdict.kind]),
        outcomes.map(({ attempt }) => attempt.status),
        outcomes.map(({ attempt }) => attempt.error),
        outcomes.map(({ verdict }) => (verdict.kind === 'retry' ? verdict.retryAt : null)),
        this.clock.now(),
      ],
    });
  }

  /** Queues with nothing left are taken away, those with more are due at once, those with a failure when it is to be repeated. */
  private async releaseQueues(tx: Transaction, outcomes: readonly AttemptOutcome[]): Promise<void> {
    const released = outcomes.filter(({ shouldKeepClaim }) => !shouldKeepClaim);
    if (released.length === 0) return;
    await tx.run({
      text: `DELETE FROM delivery_queue l USING unnest($1::text[], $2::text[]) AS c(subscription_id, ordering_key)
        WHERE l.subscription_id = c.subscription_id AND l.ordering_key = c.ordering_key AND NOT EXISTS (
          SELECT 1 FROM delivery d WHERE d.subscription_id = l.subscription_id AND d.ordering_key = l.ordering_key AND d.status = 'pending')`,
      values: [subscriptionIds(released), orderingKeys(released)],
    });
    const now = this.clock.now();
    await tx.run({
      text: `UPDATE delivery_queue l SET due_at = c.due_at, claim_id = NULL
        FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS c(subscription_id, ordering_key, due_at)
        WHERE l.subscription_id = c.subscription_id AND l.ordering_key = c.ordering_key`,
      values: [
        subscriptionIds(released),
        orderingKeys(released),
        released.map(({ verdict }) => (verdict.kind === 'retry' ? verdict.retryAt : now)),
      ],
    });
  }

  private async markSubscriptions(tx: Transaction, outcomes: readonly AttemptOutcome[]): Promise<void> {
    const now = this.clock.now();
    const succeededIds = ids(outcomes, ({ kind }) => kind === 'delivered');
    const failedIds = ids(outcomes, ({ kind }) => kind === 'retry' || kind === 'dead').filter(
      (id) => !succeededIds.includes(id),
    );
    // Rows that say so already are left alone: a write for each delivery would make them the bottleneck.
    if (succeededIds.length > 0) {
      await tx.run({
        name: 'subscription_succeeded',
        text: `UPDATE subscription SET failing_since = NULL, failure_noticed_at = NULL, last_delivered_at = $2
          WHERE id = ANY ($1) AND (failing_since IS NOT NULL OR last_delivered_at IS NULL
            OR last_delivered_at < $2::timestamptz - interval '1 minute')`,
        values: [succeededIds, now],
      });
    }
    if (failedIds.length > 0) {
      await tx.run({
        name: 'subscription_failed',
        text: 'UPDATE subscription SET failing_since = $2 WHERE id = ANY ($1) AND failing_since IS NULL',
        values: [failedIds, now],
      });
    }
    for (const outcome of outcomes) {
      if (outcome.verdict.kind === 'retry' && outcome.verdict.shouldDelaySubscription) {
        await delaySubscription(tx, outcome.queue.subscriptionId, outcome.verdict.retryAt);
      }
    }
    for (const id of ids(outcomes, ({ kind }) => kind === 'gone')) await this.endSubscription(tx, id, now);
  }

  /** The subscriber answered 410: nothing more goes there. What waits for it is buried by `SubscriptionMaintenanceJob`. */
  private async endSubscription(tx: Transaction, id: string, now: Date): Promise<void> {
    const ended = await tx.run({
      text: `UPDATE subscription SET status = 'ended', status_reason = 'gone', resume_at = NULL, revision = revision + 1, updated_at = $2
        WHERE id = $1 AND status IN ('active', 'paused')`,
      values: [id, now],
    });
    if (ended === 0) return;
    await this.audit.record(tx, {
      action: 'subscription.ended',
      actor: SYSTEM,
      subjectId: id,
      details: { reason: 'gone', http_status: 410 },
    });
  }
}

const STATUS = { delivered: 'delivered', retry: 'pending', dead: 'dead', gone: 'dead' } as const;

/** Nothing goes to this subscriber before `until`, because it said so. */
function delaySubscription(tx: Transaction, id: string, until: Date): Promise<number> {
  return tx.run({
    name: 'subscription_delay',
    text: 'UPDATE subscription SET resume_at = $2 WHERE id = $1 AND (resume_at IS NULL OR resume_at < $2)',
    values: [id, until],
  });
}

function subscriptionIds(outcomes: readonly AttemptOutcome[]): string[] {
  return outcomes.map(({ queue }) => queue.subscriptionId);
}

function orderingKeys(outcomes: readonly AttemptOutcome[]): string[] {
  return outcomes.map(({ queue }) => queue.orderingKey);
}

function ids(outcomes: readonly AttemptOutcome[], has: (verdict: AttemptVerdict) => boolean): string[] {
  const found = outcomes.filter(({ verdict }) => has(verdict)).map(({ queue }) => queue.subscriptionId);
  return [...new Set(found)].sort();
}
