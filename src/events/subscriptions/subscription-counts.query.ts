import sql from 'sql-template-tag';
import { defineStatement, type SqlReader } from '../../database/statement.ts';

/** How many subscriptions there are, of all tenants. */
export interface SubscriptionCounts {
  active: number;
  paused: number;
  ended: number;
  /** Active, and the last delivery failed. */
  failing: number;
}

const selectCounts = defineStatement<Record<never, never>, SubscriptionCounts>(
  'subscription_counts',
  () => sql`SELECT (count(*) FILTER (WHERE status = 'active'))::int AS active, (count(*) FILTER (WHERE status = 'paused'))::int AS paused,
      (count(*) FILTER (WHERE status = 'ended'))::int AS ended,
      (count(*) FILTER (WHERE status = 'active' AND failing_since IS NOT NULL))::int AS failing FROM subscription`,
);

export async function countSubscriptions(executor: SqlReader): Promise<SubscriptionCounts> {
  const [row] = await executor.rows(selectCounts({}));
  return row ?? { active: 0, paused: 0, ended: 0, failing: 0 };
}
