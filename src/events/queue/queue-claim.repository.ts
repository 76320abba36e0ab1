import sql, { type Sql } from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { Id } from '../../platform/ids.ts';
import type { SubscriptionId } from '../ids.ts';
import { type QueueColumns, type QueueKey, toColumns } from './delivery-queue.repository.ts';

/** A queue claimed by this replica. No other replica touches its deliveries. */
export interface ClaimedQueue extends QueueKey {
  claimId: Id<'clm'>;
  /** The subscription's revision at the time of the claim. */
  revision: number;
}

interface ClaimColumns extends QueueColumns {
  claimIds: readonly Id<'clm'>[];
}

interface ClaimParameters {
  now: Date;
  deadline: Date;
  claimId: Id<'clm'>;
  slots: number;
  /** Subscriptions with fewer slots than `slots`, and the slots of each. */
  limitedIds: readonly string[];
  limitedSlots: readonly number[];
}

const claimQueues = defineStatement<
  ClaimParameters,
  { subscription_id: SubscriptionId; ordering_key: string; revision: number }
>(
  'delivery_queue_claim',
  ({ now, deadline, claimId, slots, limitedIds, limitedSlots }) => sql`
    WITH due AS (
      SELECT l.subscription_id, l.ordering_key, s.revision FROM subscription s
      LEFT JOIN unnest(${limitedIds}::text[], ${limitedSlots}::int[]) AS b(id, slots) ON b.id = s.id
      CROSS JOIN LATERAL (
        SELECT d.subscription_id, d.ordering_key FROM delivery_queue d WHERE d.subscription_id = s.id AND d.due_at <= ${now}
        ORDER BY d.due_at LIMIT coalesce(b.slots, ${slots}) FOR UPDATE SKIP LOCKED
      ) l
      WHERE s.status = 'active' AND (s.resume_at IS NULL OR s.resume_at <= ${now})
    )
    UPDATE delivery_queue l SET due_at = ${deadline}, claim_id = ${claimId} FROM due
    WHERE l.subscription_id = due.subscription_id AND l.ordering_key = due.ordering_key
    RETURNING l.subscription_id, l.ordering_key, due.revision`,
);

/** Joins queue `l` with its claim if the claim still holds. */
function heldClaims({ subscriptionIds, orderingKeys, claimIds }: ClaimColumns): Sql {
  return sql`unnest(${subscriptionIds}::text[], ${orderingKeys}::text[], ${claimIds}::text[])
      WITH ORDINALITY AS c(subscription_id, ordering_key, claim_id, position)
    WHERE l.subscription_id = c.subscription_id AND l.ordering_key = c.ordering_key AND l.claim_id = c.claim_id`;
}

const lockHeldClaims = defineStatement<ClaimColumns, { position: string }>(
  'delivery_queue_lock_claimed',
  (claims) => sql`
    SELECT c.position FROM delivery_queue l, ${heldClaims(claims)} ORDER BY l.subscription_id, l.ordering_key FOR UPDATE OF l`,
);

const extendHeldClaims = defineStatement<ClaimColumns & { deadline: Date }>(
  'delivery_queue_extend_claims',
  ({ deadline, ...claims }) => sql`UPDATE delivery_queue l SET due_at = ${deadline} FROM ${heldClaims(claims)}`,
);

const releaseHeldClaims = defineStatement<ClaimColumns & { dueAt: Date }>(
  'delivery_queue_release_claims',
  ({ dueAt, ...claims }) =>
    sql`UPDATE delivery_queue l SET due_at = ${dueAt}, claim_id = NULL FROM ${heldClaims(claims)}`,
);

const releaseQueues = defineStatement<QueueColumns & { dueAts: readonly Date[] }>(
  'delivery_queue_release_locked',
  ({ subscriptionIds, orderingKeys, dueAts }) => sql`
    UPDATE delivery_queue l SET due_at = c.due_at, claim_id = NULL
    FROM unnest(${subscriptionIds}::text[], ${orderingKeys}::text[], ${dueAts}::timestamptz[]) AS c(subscription_id, ordering_key, due_at)
    WHERE l.subscription_id = c.subscription_id AND l.ordering_key = c.ordering_key`,
);

/**
 * Claims due queues under `claimId`, longest due first, up to `slots` per active subscription, or its number in
 * `slotLimits`.
 */
export async function claimDueQueues(
  executor: SqlExecutor,
  claim: { id: Id<'clm'>; deadline: Date; slots: number; slotLimits: ReadonlyMap<string, number> },
  now: Date,
): Promise<ClaimedQueue[]> {
  const rows = await executor.rows(
    claimQueues({
      now,
      deadline: claim.deadline,
      claimId: claim.id,
      slots: claim.slots,
      limitedIds: [...claim.slotLimits.keys()],
      limitedSlots: [...claim.slotLimits.values()],
    }),
  );
  return rows.map((row) => ({
    subscriptionId: row.subscription_id,
    orderingKey: row.ordering_key,
    claimId: claim.id,
    revision: row.revision,
  }));
}

/** Locks the queues whose claims still hold, in key order. Returns, per queue, whether its claim held. */
export async function lockClaimedQueues(executor: SqlExecutor, queues: readonly ClaimedQueue[]): Promise<boolean[]> {
  const rows = await executor.rows(lockHeldClaims(toClaimColumns(queues)));
  const positions = new Set(rows.map(({ position }) => Number(position)));
  return queues.map((_, index) => positions.has(index + 1));
}

/** Extends claims that still hold. */
export async function extendQueueClaims(
  executor: SqlExecutor,
  queues: readonly ClaimedQueue[],
  deadline: Date,
): Promise<void> {
  await executor.run(extendHeldClaims({ ...toClaimColumns(queues), deadline }));
}

/** Releases claims that still hold. The queues are then due at `dueAt`. */
export async function releaseQueueClaims(
  executor: SqlExecutor,
  queues: readonly ClaimedQueue[],
  dueAt: Date,
): Promise<void> {
  await executor.run(releaseHeldClaims({ ...toClaimColumns(queues), dueAt }));
}

/** Releases queues locked by `lockClaimedQueues`, each due at its `dueAt`. */
export async function releaseLockedQueues(
  executor: SqlExecutor,
  queues: readonly (QueueKey & { dueAt: Date })[],
): Promise<void> {
  await executor.run(releaseQueues({ ...toColumns(queues), dueAts: queues.map(({ dueAt }) => dueAt) }));
}

function toClaimColumns(queues: readonly ClaimedQueue[]): ClaimColumns {
  return { ...toColumns(queues), claimIds: queues.map(({ claimId }) => claimId) };
}
