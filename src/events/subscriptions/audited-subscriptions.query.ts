import sql from 'sql-template-tag';
import type { AuditedKind } from '../../audit/audited-objects.ts';
import { defineStatement } from '../../database/statement.ts';
import type { SubscriptionId } from '../ids.ts';

const selectIds = defineStatement<{ after: string; limit: number }, { id: SubscriptionId }>(
  'subscription_audited_ids',
  ({ after, limit }) => sql`SELECT id FROM subscription WHERE id > ${after} ORDER BY id LIMIT ${limit}`,
);

/** Every subscription has an audit entry of its creation. */
export const AUDITED_SUBSCRIPTIONS: AuditedKind = {
  name: 'subscriptions',
  namedAs: 'subject',
  action: 'subscription.created',
  list: async (executor, after, limit) => (await executor.rows(selectIds({ after, limit }))).map(({ id }) => id),
};
