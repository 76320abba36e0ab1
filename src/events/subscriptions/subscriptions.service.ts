import { Injectable } from '@nestjs/common';
import { AuditLog, type NewAuditEntry } from '../../audit/audit-log.ts';
import { Database, type RunInTransaction, type Transaction } from '../../database/database.ts';
import type { SqlExecutor } from '../../database/statement.ts';
import { Clock } from '../../platform/clock.ts';
import { Ids, isId } from '../../platform/ids.ts';
import { AppError, defineProblem } from '../../platform/problem.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import type { SubscriptionId } from '../ids.ts';
import type { SubscriptionFilter } from '../outbox/subscription-filter.ts';
import { deleteQueuesOfSubscription, lockQueues, revokeQueueClaims } from '../queue/delivery-queue.repository.ts';
import type { Requester, SubscriptionScope } from './requester.ts';
import { SubscriptionRepository } from './subscription.repository.ts';
import type { SubscriptionRow, SubscriptionStatus } from './subscription.ts';
import { SubscriptionSecretService } from './subscription-secret.service.ts';

declare module '../../platform/problem.ts' {
  interface ProblemCodes {
    subscription_not_found: true;
  }
}

export const subscriptionNotFound = defineProblem(
  'subscription_not_found',
  404,
  'There is no subscription with this id.',
  'Check the id; GET /v1/subscriptions lists those that exist.',
);

export interface NewSubscription extends SubscriptionFilter {
  /** Must already be checked by `SubscriberUrlValidator`. */
  url: string;
}

export interface CreatedSubscription {
  subscription: SubscriptionRow;
  secret: SecretString;
}

type AuditAction = NewAuditEntry['action'];

/** Subscriptions. Each change is committed with its audit entry. */
@Injectable()
export class SubscriptionsService {
  constructor(
    private readonly database: Database,
    private readonly rows: SubscriptionRepository,
    private readonly secrets: SubscriptionSecretService,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
    private readonly ids: Ids,
  ) {}

  /** Creates a subscription and its first signing secret, to be shown once. The caller must check the scope. */
  async create(
    by: Omit<Requester, 'scope'>,
    input: NewSubscription,
    transact: RunInTransaction<CreatedSubscription> = (work) => this.database.transaction(work),
  ): Promise<CreatedSubscription> {
    const id = this.ids.next('sub');
    return transact(async (tx) => {
      const subscription = await this.rows.insert(tx, { ...input, id }, this.clock.now());
      const secret = await this.secrets.create(tx, id, 1);
      const { events, tenants, products } = input;
      const details = { host: new URL(input.url).host, events, tenants, products };
      await this.record(tx, 'subscription.created', by, id, details);
      return { subscription, secret };
    });
  }

  /** Throws 404 `subscription_not_found`, also for subscriptions outside the scope. */
  async get(id: string, scope: SubscriptionScope): Promise<SubscriptionRow> {
    return this.require(this.database, toSubscriptionId(id), scope);
  }

  /** Same, with the row locked until the transaction ends. */
  lock(tx: Transaction, id: SubscriptionId, scope: SubscriptionScope): Promise<SubscriptionRow> {
    return this.require(tx, id, scope, { isLocked: true });
  }

  /** By id, so oldest first: up to `limit` + 1 rows after `after`, as `toPage` expects. */
  list(scope: SubscriptionScope, limit: number, after: string | null): Promise<SubscriptionRow[]> {
    return this.rows.list(this.database, scope, { after, limit: limit + 1 });
  }

  /** Pauses deliveries after requests under way. A paused or ended subscription stays as it is. Throws 404. */
  pause(by: Requester, id: string): Promise<SubscriptionRow> {
    return this.change(by, id, 'subscription.paused', 'active', 'paused');
  }

  /** Resumes deliveries, waiting ones first. An ended subscription gets events from now on. Throws 404. */
  resume(by: Requester, id: string): Promise<SubscriptionRow> {
    return this.change(by, id, 'subscription.resumed', null, 'active');
  }

  /** Adds a new secret; the old ones keep signing for `overlapSeconds`. Throws 404. */
  async rotateSecret(
    by: Requester,
    given: string,
    overlapSeconds: number,
  ): Promise<{ secret: SecretString; previousExpiresAt: Date }> {
    const id = toSubscriptionId(given);
    return this.database.transaction(async (tx) => {
      await this.lock(tx, id, by.scope);
      await this.rows.incrementRevision(tx, id, this.clock.now());
      const rotated = await this.secrets.rotate(tx, id, overlapSeconds);
      await this.record(tx, 'subscription.secret_rotated', by, id, { overlap_seconds: overlapSeconds });
      return rotated;
    });
  }

  /**
   * Deletes a subscription with its secrets and pending deliveries. Deleting it again does nothing. Throws 404 for
   * unknown ids.
   */
  async delete(by: Requester, given: string): Promise<void> {
    const id = toSubscriptionId(given);
    await this.database.transaction(async (tx) => {
      await lockQueues(tx, id);
      const row = await this.rows.find(tx, id, by.scope, { isLocked: true });
      if (row === null) throw new AppError(subscriptionNotFound);
      if (row.status === 'deleted') return;
      await this.rows.setStatus(tx, row, 'deleted', this.clock.now());
      await this.secrets.destroyAll(tx, id);
      await deleteQueuesOfSubscription(tx, id);
      await this.record(tx, 'subscription.deleted', by, id, {});
    });
  }

  private async change(
    by: Requester,
    given: string,
    action: AuditAction,
    onlyFrom: SubscriptionStatus | null,
    to: SubscriptionStatus,
  ): Promise<SubscriptionRow> {
    const id = toSubscriptionId(given);
    return this.database.transaction(async (tx) => {
      await lockQueues(tx, id);
      const row = await this.lock(tx, id, by.scope);
      if (row.status === to || (onlyFrom !== null && row.status !== onlyFrom)) return row;
      const changed = await this.rows.setStatus(tx, row, to, this.clock.now());
      if (to === 'paused') await revokeQueueClaims(tx, id, this.clock.now());
      await this.record(tx, action, by, id, { from: row.status });
      return changed;
    });
  }

  private async require(
    executor: SqlExecutor,
    id: SubscriptionId,
    scope: SubscriptionScope,
    options: { isLocked?: boolean } = {},
  ): Promise<SubscriptionRow> {
    const row = await this.rows.find(executor, id, scope, options);
    if (row === null || row.status === 'deleted') throw new AppError(subscriptionNotFound);
    return row;
  }

  private record(
    tx: Transaction,
    action: AuditAction,
    by: Omit<Requester, 'scope'>,
    subjectId: SubscriptionId,
    details: Record<string, unknown>,
  ): Promise<void> {
    return this.audit.record(tx, { action, actor: by.actor, requestId: by.requestId, subjectId, details });
  }
}

/** Throws 404 `subscription_not_found` if this is no subscription id. */
export function toSubscriptionId(id: string): SubscriptionId {
  if (!isId(id, 'sub')) throw new AppError(subscriptionNotFound);
  return id;
}
