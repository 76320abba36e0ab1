import sql from 'sql-template-tag';
import { defineProtectedTable } from '../../database/protected-table.ts';
import { defineStatement } from '../../database/statement.ts';
import type { SubscriptionId } from '../ids.ts';
import { type CoveredSubscription, SUBSCRIPTION_MAC } from './subscription-mac.ts';

const lockRows = defineStatement<
  { after: SubscriptionId | null; all: boolean; limit: number },
  CoveredSubscription & { mac: Buffer | null }
>(
  'subscription_lock_for_macs',
  ({ after, all, limit }) => sql`SELECT id, url, events, tenants, products, status, mac
    FROM subscription WHERE (${all}::boolean OR mac IS NULL) AND (${after}::text IS NULL OR id > ${after}::text)
    ORDER BY id LIMIT ${limit} FOR NO KEY UPDATE`,
);

const writeMacs = defineStatement<{ ids: readonly SubscriptionId[]; macs: readonly Buffer[] }>(
  'subscription_write_macs',
  ({ ids, macs }) => sql`UPDATE subscription r SET mac = given.mac
    FROM unnest(${ids}::text[], ${macs}::bytea[]) AS given(id, mac) WHERE r.id = given.id`,
);

const countSubscriptionMacs = defineStatement<Record<never, never>, { count: number }>(
  'subscription_count_macs',
  () => sql`SELECT count(mac)::integer AS count FROM subscription`,
);

/** Adds MACs to the subscriptions of earlier releases. */
export const PROTECTED_SUBSCRIPTIONS = defineProtectedTable({
  definition: SUBSCRIPTION_MAC,
  lockRows: (tx, { after, all, limit }) => tx.rows(lockRows({ after: after?.id ?? null, all, limit })),
  writeMacs: async (tx, rows) => {
    await tx.run(writeMacs({ ids: rows.map(({ row }) => row.id), macs: rows.map(({ mac }) => mac) }));
  },
  countMacs: () => countSubscriptionMacs({}),
});
