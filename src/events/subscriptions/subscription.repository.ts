import { Injectable } from '@nestjs/common';
import sql, { empty, type Sql } from 'sql-template-tag';
import { RowMacs } from '../../database/row-macs.ts';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { SubscriptionId } from '../ids.ts';
import type { SubscriptionFilter } from '../outbox/subscription-filter.ts';
import type { SubscriptionScope } from './requester.ts';
import { isServed, type SubscriptionRow, type SubscriptionStatus } from './subscription.ts';
import { SUBSCRIPTION_MAC } from './subscription-mac.ts';

/** Columns of a `SubscriptionRow`. */
const COLUMNS = sql`id, url, events, tenants, products, status, status_reason, revision, resume_at, failing_since, last_delivered_at,
  created_at, updated_at, mac`;

type StoredSubscription = SubscriptionRow & { mac: Buffer | null };

/** A subscription without tenants gets events of all of them, so only clients that may see all tenants see it. */
function isVisible({ tenants, products }: SubscriptionScope): Sql {
  return sql`(${tenants}::text[] IS NULL OR tenants <@ ${tenants}::text[])
    AND (${products}::text[] IS NULL OR products <@ ${products}::text[])`;
}

type NewSubscriptionRow = SubscriptionFilter & { id: SubscriptionId; url: string };
type InsertedRow = NewSubscriptionRow & { status: SubscriptionStatus; now: Date; mac: Buffer };

const insert = defineStatement<InsertedRow, StoredSubscription>(
  'subscription_insert',
  ({ id, url, events, tenants, products, status, now, mac }) => sql`
    INSERT INTO subscription (id, url, events, tenants, products, status, created_at, updated_at, mac)
    VALUES (${id}, ${url}, ${events}, ${tenants}, ${products}, ${status}, ${now}, ${now}, ${mac}) RETURNING ${COLUMNS}`,
);

const select = defineStatement<
  {
    id: SubscriptionId;
    tenants: SubscriptionScope['tenants'];
    products: SubscriptionScope['products'];
    isLocked: boolean;
  },
  StoredSubscription
>(
  'subscription_select',
  ({ id, tenants, products, isLocked }) => sql`
    SELECT ${COLUMNS} FROM subscription WHERE id = ${id} AND ${isVisible({ tenants, products })}
    ${isLocked ? sql`FOR UPDATE` : empty}`,
  { variants: [{ isLocked: false }, { isLocked: true }] },
);

const selectPage = defineStatement<SubscriptionScope & { after: string | null; limit: number }, StoredSubscription>(
  'subscription_select_page',
  ({ tenants, products, after, limit }) => sql`
    SELECT ${COLUMNS} FROM subscription
    WHERE status <> 'deleted' AND (${after}::text IS NULL OR id > ${after}::text) AND ${isVisible({ tenants, products })}
    ORDER BY id LIMIT ${limit}`,
);

const updateStatus = defineStatement<
  { id: SubscriptionId; status: SubscriptionStatus; now: Date; mac: Buffer },
  StoredSubscription
>(
  'subscription_set_status',
  ({ id, status, now, mac }) => sql`
    UPDATE subscription SET status = ${status}, status_reason = NULL, resume_at = NULL, failing_since = NULL,
      failure_noticed_at = NULL, revision = revision + 1, updated_at = ${now}, mac = ${mac}
    WHERE id = ${id} RETURNING ${COLUMNS}`,
);

const endServed = defineStatement<{ id: SubscriptionId; status: SubscriptionStatus; now: Date; mac: Buffer }>(
  'subscription_end',
  ({ id, status, now, mac }) => sql`
    UPDATE subscription SET status = ${status}, status_reason = 'gone', resume_at = NULL, revision = revision + 1,
      updated_at = ${now}, mac = ${mac}
    WHERE id = ${id}`,
);

const update = defineStatement<NewSubscriptionRow & { now: Date; hasNewUrl: boolean; mac: Buffer }, StoredSubscription>(
  'subscription_update',
  ({ id, url, events, tenants, products, now, hasNewUrl, mac }) => sql`
    UPDATE subscription SET url = ${url}, events = ${events}, tenants = ${tenants}, products = ${products}, updated_at = ${now},
      revision = revision + 1, mac = ${mac},
      resume_at = CASE WHEN ${hasNewUrl}::boolean THEN NULL ELSE resume_at END,
      failing_since = CASE WHEN ${hasNewUrl}::boolean THEN NULL ELSE failing_since END,
      failure_noticed_at = CASE WHEN ${hasNewUrl}::boolean THEN NULL ELSE failure_noticed_at END
    WHERE id = ${id} RETURNING ${COLUMNS}`,
);

const incrementRevision = defineStatement<{ id: SubscriptionId; now: Date }>(
  'subscription_increment_revision',
  ({ id, now }) => sql`UPDATE subscription SET revision = revision + 1, updated_at = ${now} WHERE id = ${id}`,
);

const selectServed = defineStatement<Record<never, never>, StoredSubscription>(
  'subscription_select_served',
  () => sql`SELECT ${COLUMNS} FROM subscription WHERE status IN ('active', 'paused')`,
);

const selectByIds = defineStatement<{ ids: readonly SubscriptionId[] }, StoredSubscription>(
  'subscription_select_by_ids',
  ({ ids }) => sql`SELECT ${COLUMNS} FROM subscription WHERE id = ANY (${ids}::text[])`,
);

/** Rows of subscriptions. Those that fail their integrity check count as absent and are reported. */
@Injectable()
export class SubscriptionRepository {
  constructor(private readonly macs: RowMacs) {}

  async insert(executor: SqlExecutor, subscription: NewSubscriptionRow, now: Date): Promise<SubscriptionRow> {
    const created = { ...subscription, status: 'active' as const };
    const [row] = await executor.rows(insert({ ...created, now, mac: this.macs.compute(SUBSCRIPTION_MAC, created) }));
    if (row === undefined) throw new Error('the subscription was not inserted');
    return toSubscription(row);
  }

  /** Includes deleted ones. Null: none in the scope. */
  async find(
    executor: SqlExecutor,
    id: SubscriptionId,
    { tenants, products }: SubscriptionScope,
    { isLocked = false } = {},
  ): Promise<SubscriptionRow | null> {
    const [row] = this.genuine(await executor.rows(select({ id, tenants, products, isLocked })));
    return row ?? null;
  }

  /** Up to `limit` subscriptions after `after`, ordered by id, without deleted ones. */
  async list(
    executor: SqlExecutor,
    { tenants, products }: SubscriptionScope,
    page: { after: string | null; limit: number },
  ): Promise<SubscriptionRow[]> {
    const found: SubscriptionRow[] = [];
    for (let after = page.after; found.length < page.limit; ) {
      const limit = page.limit - found.length;
      const rows = await executor.rows(selectPage({ tenants, products, after, limit }));
      found.push(...this.genuine(rows));
      if (rows.length < limit) break;
      after = rows.at(-1)?.id ?? after;
    }
    return found;
  }

  /** Sets the status of a locked row; clears failures and delays. */
  async setStatus(
    executor: SqlExecutor,
    row: SubscriptionRow,
    status: SubscriptionStatus,
    now: Date,
  ): Promise<SubscriptionRow> {
    const mac = this.macs.compute(SUBSCRIPTION_MAC, { ...row, status });
    const [changed] = await executor.rows(updateStatus({ id: row.id, status, now, mac }));
    if (changed === undefined) throw new Error('the status of the subscription was not changed');
    return toSubscription(changed);
  }

  /** Ends an active or paused subscription whose receiver is gone. False: it was neither. */
  async end(tx: SqlExecutor, id: SubscriptionId, now: Date): Promise<boolean> {
    const row = await this.find(tx, id, { tenants: null, products: null }, { isLocked: true });
    if (row === null || !isServed(row)) return false;
    const status = 'ended';
    const mac = this.macs.compute(SUBSCRIPTION_MAC, { ...row, status });
    return (await tx.run(endServed({ id, status, now, mac }))) > 0;
  }

  /** Updates a locked row. `hasNewUrl` clears the failures and the delay of the old receiver. */
  async update(
    executor: SqlExecutor,
    changed: SubscriptionRow,
    hasNewUrl: boolean,
    now: Date,
  ): Promise<SubscriptionRow> {
    const mac = this.macs.compute(SUBSCRIPTION_MAC, changed);
    const [row] = await executor.rows(update({ ...changed, hasNewUrl, now, mac }));
    if (row === undefined) throw new Error('the subscription was not updated');
    return toSubscription(row);
  }

  /** Makes replicas reread the URL and secrets. */
  async incrementRevision(executor: SqlExecutor, id: SubscriptionId, now: Date): Promise<void> {
    await executor.run(incrementRevision({ id, now }));
  }

  /** Existing subscriptions among these ids. */
  async findAll(executor: SqlExecutor, ids: readonly SubscriptionId[]): Promise<Map<SubscriptionId, SubscriptionRow>> {
    const rows = this.genuine(await executor.rows(selectByIds({ ids })));
    return new Map(rows.map((row) => [row.id, row]));
  }

  /**
   * Filters of all subscriptions that events are kept for. Includes (and reports) rows that fail their integrity check:
   * their events wait, and `QueueClaimer` sends nothing until the row is repaired.
   */
  async listFilters(executor: SqlExecutor): Promise<(SubscriptionFilter & { id: SubscriptionId })[]> {
    const rows = await executor.rows(selectServed({}));
    this.genuine(rows);
    return rows;
  }

  private genuine(rows: readonly StoredSubscription[]): SubscriptionRow[] {
    return rows.filter((row) => this.macs.verify(SUBSCRIPTION_MAC, row)).map(toSubscription);
  }
}

function toSubscription({ mac: _, ...row }: StoredSubscription): SubscriptionRow {
  return row;
}
