import { Injectable } from '@nestjs/common';
import type { AuditAction } from '../../audit/audit-action.ts';
import { type Actor, AuditLog } from '../../audit/audit-log.ts';
import type { Product } from '../../config/config.ts';
import { Database, type Transaction } from '../../database/database.ts';
import type { SqlExecutor } from '../../database/statement.ts';
import { Clock } from '../../platform/clock.ts';
import { Ids, isId } from '../../platform/ids.ts';
import { AppError, defineProblem } from '../../platform/problem.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import type { SubscriptionFilter, SubscriptionRow } from './subscription.ts';
import { SubscriptionSecretRepository } from './subscription-secret.repository.ts';

export const subscriptionNotFound = defineProblem(
  'subscription_not_found',
  404,
  'There is no subscription with this id.',
  'Check the id; GET /v1/subscriptions lists those that exist.',
);

/** What a caller may see: subscriptions that name tenants and products, all of them within these. Null: everything. */
export interface SubscriptionScope {
  tenants: readonly string[] | null;
  products: readonly Product[] | null;
}

export interface NewSubscription extends SubscriptionFilter {
  /** Checked before: see `SubscriberAddresses`. */
  url: string;
}

/** Who asks for a change, for the audit entry. */
export interface Requester {
  actor: Actor;
  requestId: string | null;
  scope: SubscriptionScope;
}

/** A `SubscriptionRow`. */
export const SUBSCRIPTION_COLUMNS = `id, url, events, tenants, products, status, status_reason, resume_at, failing_since, last_delivered_at,
  created_at, updated_at`;
/** $2 and $3: the scope. What names no tenants reaches all of them, so only those who may see all see it. */
const VISIBLE = `($2::text[] IS NULL OR tenants <@ $2) AND ($3::text[] IS NULL OR products <@ $3)`;

/** Who hears of events. Every change is committed together with its audit entry. */
@Injectable()
export class SubscriptionRepository {
  constructor(
    private readonly database: Database,
    private readonly secrets: SubscriptionSecretRepository,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
    private readonly ids: Ids,
  ) {}

  /** A subscription and its first signing secret, which is to be shown once. The scope is the caller's business here. */
  async create(
    by: Omit<Requester, 'scope'>,
    input: NewSubscription,
  ): Promise<{ subscription: SubscriptionRow; secret: SecretString }> {
    const id = this.ids.next('sub');
    return this.database.transaction(async (tx) => {
      const [subscription] = await tx.rows<SubscriptionRow>({
        text: `INSERT INTO subscription (id, url, events, tenants, products, status, created_at, updated_at)
          VALUES ($1, $2, $3, $4, $5, 'active', $6, $6) RETURNING ${SUBSCRIPTION_COLUMNS}`,
        values: [id, input.url, input.events, input.tenants, input.products, this.clock.now()],
      });
      if (subscription === undefined) throw new Error('the subscription was not inserted');
      const secret = await this.secrets.create(tx, id, 1);
      const { events, tenants, products } = input;
      const details = { host: new URL(input.url).host, events, tenants, products };
      await this.record(tx, 'subscription.created', by, id, details);
      return { subscription, secret };
    });
  }

  /** Throws 404 `subscription_not_found`, also for what is outside of the scope. */
  async get(id: string, scope: SubscriptionScope): Promise<SubscriptionRow> {
    return this.require(this.database, id, scope, '');
  }

  /** The same, and nobody else changes it until the transaction ends. */
  lock(tx: Transaction, id: string, scope: SubscriptionScope): Promise<SubscriptionRow> {
    return this.require(tx, id, scope, 'FOR UPDATE');
  }

  /** By id, that is the oldest first: up to `limit` + 1 rows after `after`, as `toPage` wants them. */
  list(scope: SubscriptionScope, limit: number, after: string | null): Promise<SubscriptionRow[]> {
    return this.database.rows<SubscriptionRow>({
      text: `SELECT ${SUBSCRIPTION_COLUMNS} FROM subscription
        WHERE status <> 'deleted' AND ($1::text IS NULL OR id > $1) AND ${VISIBLE} ORDER BY id LIMIT $4`,
      values: [after, scope.tenants, scope.products, limit + 1],
    });
  }

  /** Holds back what is to be delivered; it waits, but for requests that are under way. One that is paused or ended stays as it is. Throws 404. */
  pause(by: Requester, id: string): Promise<SubscriptionRow> {
    return this.change(by, id, 'subscription.paused', 'active', 'paused');
  }

  /** Delivers again, what waited first; brings an ended one back, for what happens from now on. Throws 404. */
  resume(by: Requester, id: string): Promise<SubscriptionRow> {
    return this.change(by, id, 'subscription.resumed', null, 'active');
  }

  /** A new secret; the older ones sign as well for `overlapSeconds` more. Throws 404. */
  async rotateSecret(
    by: Requester,
    id: string,
    overlapSeconds: number,
  ): Promise<{ secret: SecretString; previousExpiresAt: Date }> {
    return this.database.transaction(async (tx) => {
      await this.require(tx, id, by.scope, 'FOR UPDATE');
      await tx.run({
        text: 'UPDATE subscription SET revision = revision + 1, updated_at = $2 WHERE id = $1',
        values: [id, this.clock.now()],
      });
      const rotated = await this.secrets.rotate(tx, id, overlapSeconds);
      await this.record(tx, 'subscription.secret_rotated', by, id, { overlap_seconds: overlapSeconds });
      return rotated;
    });
  }

  /** Deletes a subscription, its secrets, and what was on its way to it; one that is deleted already stays so. Throws 404 for what never was. */
  async delete(by: Requester, id: string): Promise<void> {
    await this.database.transaction(async (tx) => {
      await lockQueues(tx, id);
      const row = await this.find(tx, id, by.scope, 'FOR UPDATE');
      if (row === null) throw new AppError(subscriptionNotFound);
      if (row.status === 'deleted') return;
      await this.setStatus(tx, id, 'deleted', null);
      await this.secrets.destroyAll(tx, id);
      await tx.run({ text: 'DELETE FROM delivery_queue WHERE subscription_id = $1', values: [id] });
      await this.record(tx, 'subscription.deleted', by, id, {});
    });
  }

  private async change(
    by: Requester,
    id: string,
    action: AuditAction,
    onlyFrom: SubscriptionRow['status'] | null,
    to: SubscriptionRow['status'],
  ): Promise<SubscriptionRow> {
    return this.database.transaction(async (tx) => {
      await lockQueues(tx, id);
      const row = await this.require(tx, id, by.scope, 'FOR UPDATE');
      if (row.status === to || (onlyFrom !== null && row.status !== onlyFrom)) return row;
      const changed = await this.setStatus(tx, id, to, null);
      if (to === 'paused') await revokeQueueClaims(tx, id, this.clock.now());
      await this.record(tx, action, by, id, { from: row.status });
      return changed;
    });
  }

  private async setStatus(
    tx: Transaction,
    id: string,
    status: SubscriptionRow['status'],
    reason: string | null,
  ): Promise<SubscriptionRow> {
    const [row] = await tx.rows<SubscriptionRow>({
      text: `UPDATE subscription SET status = $2, status_reason = $3, resume_at = NULL, failing_since = NULL,
          failure_noticed_at = NULL, revision = revision + 1, updated_at = $4
        WHERE id = $1 RETURNING ${SUBSCRIPTION_COLUMNS}`,
      values: [id, status, reason, this.clock.now()],
    });
    if (row === undefined) throw new AppError(subscriptionNotFound);
    return row;
  }

  private async require(
    sql: SqlExecutor,
    id: string,
    scope: SubscriptionScope,
    lock: '' | 'FOR UPDATE',
  ): Promise<SubscriptionRow> {
    const row = await this.find(sql, id, scope, lock);
    if (row === null || row.status === 'deleted') throw new AppError(subscriptionNotFound);
    return row;
  }

  private async find(
    sql: SqlExecutor,
    id: string,
    scope: SubscriptionScope,
    lock: '' | 'FOR UPDATE',
  ): Promise<SubscriptionRow | null> {
    if (!isId(id, 'sub')) return null;
    const [row] = await sql.rows<SubscriptionRow>({
      text: `SELECT ${SUBSCRIPTION_COLUMNS} FROM subscription WHERE id = $1 AND ${VISIBLE} ${lock}`,
      values: [id, scope.tenants, scope.products],
    });
    return row ?? null;
  }

  private record(
    tx: Transaction,
    action: AuditAction,
    by: Omit<Requester, 'scope'>,
    subjectId: string,
    details: Record<string, unknown>,
  ): Promise<void> {
    return this.audit.record(tx, { action, actor: by.actor, requestId: by.requestId, subjectId, details });
  }
}

/** Holds all queues of a subscription, as records of deliveries do before they touch its row: in the other order they would wait for each other. */
export async function lockQueues(tx: Transaction, subscriptionId: string): Promise<void> {
  await tx.run({
    text: 'SELECT 1 FROM delivery_queue WHERE subscription_id = $1 ORDER BY ordering_key FOR UPDATE',
    values: [subscriptionId],
  });
}

/** Ends the work on queues that are locked: replicas stop after the request that is under way, whose outcome is not recorded. */
export async function revokeQueueClaims(tx: Transaction, subscriptionId: string, now: Date): Promise<void> {
  await tx.run({
    text: 'UPDATE delivery_queue SET claim_id = NULL, due_at = $2 WHERE subscription_id = $1 AND claim_id IS NOT NULL',
    values: [subscriptionId, now],
  });
}
