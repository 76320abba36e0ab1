import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { SubscriptionId } from '../ids.ts';

const setSucceeded = defineStatement<{ ids: readonly SubscriptionId[]; now: Date }>(
  'subscription_succeeded',
  ({ ids, now }) => sql`
    UPDATE subscription SET failing_since = NULL, failure_noticed_at = NULL, last_delivered_at = ${now}
    WHERE id = ANY (${ids}::text[]) AND (failing_since IS NOT NULL OR last_delivered_at IS NULL
      OR last_delivered_at < ${now}::timestamptz - interval '1 minute')`,
  { prepare: true },
);

const setFailed = defineStatement<{ ids: readonly SubscriptionId[]; now: Date }>(
  'subscription_failed',
  ({ ids, now }) =>
    sql`UPDATE subscription SET failing_since = ${now} WHERE id = ANY (${ids}::text[]) AND failing_since IS NULL`,
  { prepare: true },
);

const delay = defineStatement<{ id: SubscriptionId; until: Date }>(
  'subscription_delay',
  ({ id, until }) => sql`
    UPDATE subscription SET resume_at = ${until} WHERE id = ${id} AND (resume_at IS NULL OR resume_at < ${until})`,
  { prepare: true },
);

const noticeFailing = defineStatement<{ now: Date; failingSince: Date }, { id: SubscriptionId; failing_since: Date }>(
  'notice_failing',
  ({ now, failingSince }) => sql`
    UPDATE subscription SET failure_noticed_at = ${now}
    WHERE status = 'active' AND failing_since <= ${failingSince} AND failure_noticed_at IS NULL RETURNING id, failing_since`,
  { prepare: true },
);

const selectFailing = defineStatement<{ failingSince: Date }, { id: SubscriptionId; url: string; failing_since: Date }>(
  'subscription_select_failing',
  ({ failingSince }) => sql`
    SELECT id, url, failing_since FROM subscription WHERE status = 'active' AND failing_since <= ${failingSince}
    ORDER BY failing_since`,
);

/** Skips rows already up to date: a write per delivery would make these rows a bottleneck. */
export async function markSubscriptionsSucceeded(
  executor: SqlExecutor,
  ids: readonly SubscriptionId[],
  now: Date,
): Promise<void> {
  if (ids.length > 0) await executor.run(setSucceeded({ ids, now }));
}

export async function markSubscriptionsFailed(
  executor: SqlExecutor,
  ids: readonly SubscriptionId[],
  now: Date,
): Promise<void> {
  if (ids.length > 0) await executor.run(setFailed({ ids, now }));
}

/** Delays all deliveries to this subscription until `until`, as requested by its receiver. */
export async function delaySubscription(executor: SqlExecutor, id: SubscriptionId, until: Date): Promise<void> {
  await executor.run(delay({ id, until }));
}

/** Marks active subscriptions failing since `failingSince` or longer as reported; returns the newly marked. */
export function markFailingReported(
  executor: SqlExecutor,
  failingSince: Date,
  now: Date,
): Promise<{ id: SubscriptionId; failing_since: Date }[]> {
  return executor.rows(noticeFailing({ now, failingSince }));
}

/** Active subscriptions failing since `failingSince` or longer, longest first. */
export function selectFailingSubscriptions(
  executor: SqlExecutor,
  failingSince: Date,
): Promise<{ id: SubscriptionId; url: string; failing_since: Date }[]> {
  return executor.rows(selectFailing({ failingSince }));
}
