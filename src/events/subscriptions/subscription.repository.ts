import sql, { empty, type Sql } from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { SubscriptionId } from '../ids.ts';
import type { SubscriptionFilter } from '../outbox/subscription-filter.ts';
import type { SubscriptionScope } from './requester.ts';
import type { SubscriptionRow, SubscriptionStatus } from './subscription.ts';

/** A `SubscriptionRow`. */
const COLUMNS = sql`id, url, events, tenants, products, status, status_reason, resume_at, failing_since, last_delivered_at,
  created_at, updated_at`;

/** A subscription without tenants gets events of all of them, so only clients that may see all tenants see it. */
function isVisible({ tenants, products }: SubscriptionScope): Sql {
  return sql`(${tenants}::text[] IS NULL OR tenants <@ ${tenants}::text[])
    AND (${products}::text[] IS NULL OR products <@ ${products}::text[])`;
}

type NewSubscriptionRow = SubscriptionFilter & { id: SubscriptionId; url: string; now: Date };

const insert = defineStatement<NewSubscriptionRow, SubscriptionRow>(
  'subscription_insert',
  ({ id, url, events, tenants, products, now }) => sql`
    INSERT INTO subscription (id, url, events, tenants, products, status, created_at, updated_at)
    VALUES (${id}, ${url}, ${events}, ${tenants}, ${products}, 'active', ${now}, ${now}) RETURNING ${COLUMNS}`,
);

const select = defineStatement<
  {
    id: SubscriptionId;
    tenants: SubscriptionScope['tenants'];
    products: SubscriptionScope['products'];
    isLocked: boolean;
  },
  SubscriptionRow
>(
  'subscription_select',
  ({ id, tenants, products, isLocked }) => sql`
    SELECT ${COLUMNS} FROM subscription WHERE id = ${id} AND ${isVisible({ tenants, products })}
    ${isLocked ? sql`FOR UPDATE` : empty}`,
  { variants: [{ isLocked: false }, { isLocked: true }] },
);

const selectPage = defineStatement<SubscriptionScope & { after: string | null; limit: number }, SubscriptionRow>(
  'subscription_select_page',
  ({ tenants, products, after, limit }) => sql`
    SELECT ${COLUMNS} FROM subscription
    WHERE status <> 'deleted' AND (${after}::text IS NULL OR id > ${after}::text) AND ${isVisible({ tenants, products })}
    ORDER BY id LIMIT ${limit}`,
);

const updateStatus = defineStatement<{ id: SubscriptionId; status: SubscriptionStatus; now: Date }, SubscriptionRow>(
  'subscription_set_status',
  ({ id, status, now }) => sql`
    UPDATE subscription SET status = ${status}, status_reason = NULL, resume_at = NULL, failing_since = NULL,
      failure_noticed_at = NULL, revision = revision + 1, updated_at = ${now}
    WHERE id = ${id} RETURNING ${COLUMNS}`,
);

const update = defineStatement<NewSubscriptionRow & { hasNewUrl: boolean }, SubscriptionRow>(
  'subscription_update',
  ({ id, url, events, tenants, products, now, hasNewUrl }) => sql`
    UPDATE subscription SET url = ${url}, events = ${events}, tenants = ${tenants}, products = ${products}, updated_at = ${now},
      revision = revision + 1,
      resume_at = CASE WHEN ${hasNewUrl}::boolean THEN NULL ELSE resume_at END,
      failing_since = CASE WHEN ${hasNewUrl}::boolean THEN NULL ELSE failing_since END,
      failure_noticed_at = CASE WHEN ${hasNewUrl}::boolean THEN NULL ELSE failure_noticed_at END
    WHERE id = ${id} RETURNING ${COLUMNS}`,
);

const incrementRevision = defineStatement<{ id: SubscriptionId; now: Date }>(
  'subscription_increment_revision',
  ({ id, now }) => sql`UPDATE subscription SET revision = revision + 1, updated_at = ${now} WHERE id = ${id}`,
);

const selectAddress = defineStatement<{ id: SubscriptionId }, { url: string; revision: number }>(
  'subscription_select_address',
  ({ id }) => sql`SELECT url, revision FROM subscription WHERE id = ${id} AND status <> 'deleted'`,
);

const selectFilters = defineStatement<Record<never, never>, SubscriptionFilter & { id: SubscriptionId }>(
  'subscription_select_filters',
  () => sql`SELECT id, events, tenants, products FROM subscription WHERE status IN ('active', 'paused')`,
);

export async function insertSubscription(
  executor: SqlExecutor,
  subscription: NewSubscriptionRow,
): Promise<SubscriptionRow> {
  const [row] = await executor.rows(insert(subscription));
  if (row === undefined) throw new Error('the subscription was not inserted');
  return row;
}

/** Includes deleted ones. Null: there is none in the scope. */
export async function findSubscription(
  executor: SqlExecutor,
  id: SubscriptionId,
  scope: SubscriptionScope,
  { isLocked = false } = {},
): Promise<SubscriptionRow | null> {
  const [row] = await executor.rows(select({ id, tenants: scope.tenants, products: scope.products, isLocked }));
  return row ?? null;
}

/** By id, up to `limit` of them after `after`, without deleted ones. */
export function listSubscriptions(
  executor: SqlExecutor,
  { tenants, products }: SubscriptionScope,
  page: { after: string | null; limit: number },
): Promise<SubscriptionRow[]> {
  return executor.rows(selectPage({ tenants, products, ...page }));
}

/** Sets the status, and clears failures and delays. Null: there is no such subscription. */
export async function setSubscriptionStatus(
  executor: SqlExecutor,
  id: SubscriptionId,
  status: SubscriptionStatus,
  now: Date,
): Promise<SubscriptionRow | null> {
  const [row] = await executor.rows(updateStatus({ id, status, now }));
  return row ?? null;
}

/** The old receiver's failures and requested delay do not apply to a new one: `hasNewUrl` clears them. */
export async function updateSubscription(
  executor: SqlExecutor,
  { id, url, events, tenants, products }: SubscriptionRow,
  hasNewUrl: boolean,
  now: Date,
): Promise<SubscriptionRow> {
  const [row] = await executor.rows(update({ id, url, events, tenants, products, hasNewUrl, now }));
  if (row === undefined) throw new Error('the subscription was not updated');
  return row;
}

/** Makes replicas read the URL and the secrets again. */
export async function incrementSubscriptionRevision(
  executor: SqlExecutor,
  id: SubscriptionId,
  now: Date,
): Promise<void> {
  await executor.run(incrementRevision({ id, now }));
}

/** Null: there is none, or it is deleted. */
export async function findSubscriptionAddress(
  executor: SqlExecutor,
  id: SubscriptionId,
): Promise<{ url: string; revision: number } | null> {
  const [row] = await executor.rows(selectAddress({ id }));
  return row ?? null;
}

/** The filters of all subscriptions that get events. */
export function listSubscriptionFilters(
  executor: SqlExecutor,
): Promise<(SubscriptionFilter & { id: SubscriptionId })[]> {
  return executor.rows(selectFilters({}));
}
