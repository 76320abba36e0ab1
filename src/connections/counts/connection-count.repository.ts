import sql from 'sql-template-tag';
import type { Product } from '../../config/config.ts';
import { defineStatement, type SqlExecutor, type SqlReader } from '../../database/statement.ts';
import type { Health } from '../credentials/credential-kind.ts';
import type { ConnectionStatus } from '../status/connection-status.ts';

/** How many connections have the same values in all other fields. */
export interface ConnectionGroup {
  product: Product;
  status: ConnectionStatus;
  /** Code of the status reason; null: none. */
  reason: string | null;
  /** Of the root credential; null: it no longer has one. */
  health: Health | null;
  count: number;
}

/** How many root tokens of connections that are not revoked expire on a UTC day. */
interface ExpiryDay {
  product: Product;
  /** `2026-12-24` */
  day: string;
  count: number;
}

/** Connection counts of some tenants. */
export interface ConnectionCounts {
  groups: ConnectionGroup[];
  expiries: ExpiryDay[];
}

export interface KeptConnectionCounts {
  counts: ConnectionCounts;
  counted_at: Date;
  /** How long counting took, in milliseconds. */
  duration_ms: number;
}

/** Null: all tenants. */
type Tenants = readonly string[] | null;

const countGroups = defineStatement<{ tenants: Tenants }, ConnectionGroup>(
  'connection_count_groups',
  ({ tenants }) => sql`SELECT c.product, c.status, c.status_reason->>'code' AS reason,
      CASE WHEN k.secret_id IS NOT NULL THEN k.health END AS health, count(*)::int AS count
    FROM connection c LEFT JOIN credential k ON k.connection_id = c.id AND k.is_root
    WHERE (${tenants}::text[] IS NULL OR c.tenant = ANY (${tenants})) GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4`,
);

const countExpiries = defineStatement<{ tenants: Tenants; from: Date; until: Date }, ExpiryDay>(
  'connection_count_expiries',
  ({
    tenants,
    from,
    until,
  }) => sql`SELECT c.product, to_char(k.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, count(*)::int AS count
    FROM connection c JOIN credential k ON k.connection_id = c.id AND k.is_root
    WHERE (${tenants}::text[] IS NULL OR c.tenant = ANY (${tenants})) AND c.status <> 'revoked' AND k.secret_id IS NOT NULL
      AND k.expires_at >= ${from} AND k.expires_at < ${until} GROUP BY 1, 2 ORDER BY 2, 1`,
);

const selectKept = defineStatement<{ scope: string }, KeptConnectionCounts>(
  'connection_count_kept',
  ({ scope }) => sql`SELECT counts, counted_at, duration_ms FROM connection_count WHERE scope = ${scope}`,
);

const keep = defineStatement<{ scope: string; counts: string; countedAt: Date; durationMs: number }>(
  'connection_count_keep',
  ({
    scope,
    counts,
    countedAt,
    durationMs,
  }) => sql`INSERT INTO connection_count (scope, counts, counted_at, duration_ms)
    VALUES (${scope}, ${counts}::json, ${countedAt}, ${durationMs})
    ON CONFLICT (scope) DO UPDATE SET counts = excluded.counts, counted_at = excluded.counted_at, duration_ms = excluded.duration_ms`,
);

const tryLock = defineStatement<{ scope: string }, { taken: boolean }>(
  'connection_count_lock',
  ({ scope }) => sql`SELECT pg_try_advisory_xact_lock(727006, hashtext(${scope})) AS taken`,
);

const deleteOld = defineStatement<{ countedBefore: Date; limit: number }>(
  'connection_count_delete_old',
  ({ countedBefore, limit }) => sql`DELETE FROM connection_count WHERE scope IN (
    SELECT scope FROM connection_count WHERE counted_at < ${countedBefore} LIMIT ${limit})`,
);

/** Reads every connection of these tenants, or all of them. `from`, `until`: which expiries count. */
export async function countConnectionsOf(
  executor: SqlReader,
  tenants: Tenants,
  { from, until }: { from: Date; until: Date },
): Promise<ConnectionCounts> {
  const groups = await executor.rows(countGroups({ tenants }));
  return { groups, expiries: await executor.rows(countExpiries({ tenants, from, until })) };
}

/** What was last counted for a scope; null: nothing yet. */
export async function findKeptCounts(executor: SqlExecutor, scope: string): Promise<KeptConnectionCounts | null> {
  const [row] = await executor.rows(selectKept({ scope }));
  return row ?? null;
}

export async function keepCounts(executor: SqlExecutor, scope: string, kept: KeptConnectionCounts): Promise<void> {
  const { counts, counted_at: countedAt, duration_ms: durationMs } = kept;
  await executor.run(keep({ scope, counts: JSON.stringify(counts), countedAt, durationMs }));
}

/** Lets one transaction at a time count a scope. False: another one is counting it. */
export async function tryLockCounts(executor: SqlExecutor, scope: string): Promise<boolean> {
  const [row] = await executor.rows(tryLock({ scope }));
  return row?.taken === true;
}

/** Deletes up to `limit` counts that nobody has read since `countedBefore`; returns how many. */
export function deleteCountsKeptBefore(executor: SqlExecutor, countedBefore: Date, limit: number): Promise<number> {
  return executor.run(deleteOld({ countedBefore, limit }));
}
