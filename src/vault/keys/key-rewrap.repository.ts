import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { KekId, SecretId } from '../ids.ts';

interface RewrapProgressRow {
  /** All fields but `remaining` are null if no rewrap was ever requested. */
  state: 'running' | 'done' | 'incomplete' | null;
  total: number | null;
  rewrapped: number | null;
  unopenable: number | null;
  requested_at: Date | null;
  finished_at: Date | null;
  remaining: number;
}

export interface WrappedKeyRow {
  id: SecretId;
  kek_id: KekId;
  wrapped_key: Buffer;
}

/** A data key under a new KEK. */
export interface RewrappedKey {
  id: SecretId;
  /** The previous KEK. */
  from: KekId;
  wrappedKey: Buffer;
}

/** Number of data keys not under the active KEK. */
const REMAINING = sql`(SELECT count(*)::integer FROM sealed_secret s WHERE s.kek_id IN
  (SELECT k.id FROM encryption_key k WHERE k.purpose = 'data' AND k.state <> 'active'))`;

const requestStatement = defineStatement<{ now: Date }>(
  'key_rewrap_request',
  ({ now }) => sql`INSERT INTO key_rewrap (id, state, total, requested_at) VALUES (1, 'running', ${REMAINING}, ${now})
    ON CONFLICT (id) DO UPDATE SET state = 'running', total = ${REMAINING}, rewrapped = 0, unopenable = 0,
      requested_at = excluded.requested_at, finished_at = NULL WHERE key_rewrap.state <> 'running'`,
);

const progressStatement = defineStatement<Record<never, never>, RewrapProgressRow>(
  'key_rewrap_progress',
  () => sql`SELECT r.state, r.total, r.rewrapped, r.unopenable, r.requested_at, r.finished_at, ${REMAINING} AS remaining
    FROM (SELECT 1) one LEFT JOIN key_rewrap r ON true`,
);

const runningStatement = defineStatement<Record<never, never>, { id: number }>(
  'rewrap_running',
  () => sql`SELECT id FROM key_rewrap WHERE state = 'running'`,
  { prepare: true },
);

const lockStatement = defineStatement<Record<never, never>, { state: 'running' | 'done' | 'incomplete' }>(
  'key_rewrap_lock',
  () => sql`SELECT state FROM key_rewrap WHERE id = 1 FOR UPDATE`,
);

const finishStatement = defineStatement<{ unopenable: number; now: Date }>(
  'key_rewrap_finish',
  ({
    unopenable,
    now,
  }) => sql`UPDATE key_rewrap SET state = CASE WHEN ${unopenable}::integer = 0 THEN 'done' ELSE 'incomplete' END,
    unopenable = ${unopenable}, finished_at = ${now}`,
);

const countStatement = defineStatement<{ rewrapped: number }>(
  'key_rewrap_count',
  ({ rewrapped }) => sql`UPDATE key_rewrap SET rewrapped = rewrapped + ${rewrapped} WHERE id = 1`,
);

const inactiveKeksStatement = defineStatement<{ from: string }, { id: KekId }>(
  'encryption_key_inactive',
  ({ from }) =>
    sql`SELECT id FROM encryption_key WHERE purpose = 'data' AND state <> 'active' AND id >= ${from} ORDER BY id`,
);

const claimStatement = defineStatement<{ kekId: KekId; after: string; limit: number }, WrappedKeyRow>(
  'rewrap_claim',
  ({
    kekId,
    after,
    limit,
  }) => sql`SELECT id, kek_id, wrapped_key FROM sealed_secret WHERE kek_id = ${kekId} AND id > ${after}
    ORDER BY id LIMIT ${limit} FOR UPDATE SKIP LOCKED`,
  { prepare: true },
);

const storeStatement = defineStatement<{
  kekId: KekId;
  ids: readonly SecretId[];
  fromKeks: readonly KekId[];
  wrappedKeys: readonly Buffer[];
}>(
  'rewrap_store',
  ({
    kekId,
    ids,
    fromKeks,
    wrappedKeys,
  }) => sql`UPDATE sealed_secret s SET kek_id = ${kekId}, wrapped_key = m.wrapped_key
    FROM unnest(${ids}::text[], ${fromKeks}::text[], ${wrappedKeys}::bytea[]) AS m (id, from_kek, wrapped_key)
    WHERE s.id = m.id AND s.kek_id = m.from_kek`,
  { prepare: true },
);

/** Returns false if a rewrap is already running. */
export async function startRewrap(tx: SqlExecutor, now: Date): Promise<boolean> {
  return (await tx.run(requestStatement({ now }))) === 1;
}

export async function readRewrapProgress(executor: SqlExecutor): Promise<RewrapProgressRow> {
  const [row] = await executor.rows(progressStatement({}));
  if (row === undefined) throw new Error('the progress of the rewrap cannot be read');
  return row;
}

export async function isRewrapRunning(executor: SqlExecutor): Promise<boolean> {
  return (await executor.rows(runningStatement({}))).length > 0;
}

/** Locks the rewrap. Returns false if it is not running. */
export async function lockRunningRewrap(tx: SqlExecutor): Promise<boolean> {
  const [row] = await tx.rows(lockStatement({}));
  return row?.state === 'running';
}

/** Ends the rewrap as `done`, or as `incomplete` if some secrets can't be opened. */
export async function finishRewrap(tx: SqlExecutor, unopenable: number, now: Date): Promise<void> {
  await tx.run(finishStatement({ unopenable, now }));
}

/** Locks the next data keys under old KEKs, one KEK at a time. Skips locked rows. */
export async function claimDataKeys(
  tx: SqlExecutor,
  after: { kekId: KekId; secretId: SecretId } | null,
  limit: number,
): Promise<WrappedKeyRow[]> {
  for (const { id } of await tx.rows(inactiveKeksStatement({ from: after?.kekId ?? '' }))) {
    const rows = await tx.rows(claimStatement({ kekId: id, after: id === after?.kekId ? after.secretId : '', limit }));
    if (rows.length > 0) return rows;
  }
  return [];
}

/** Skips rows whose KEK has changed. Returns how many were stored, which is added to the progress. */
export async function storeRewrappedKeys(
  tx: SqlExecutor,
  keys: readonly RewrappedKey[],
  kekId: KekId,
): Promise<number> {
  const rewrapped = await tx.run(
    storeStatement({
      kekId,
      ids: keys.map(({ id }) => id),
      fromKeks: keys.map(({ from }) => from),
      wrappedKeys: keys.map(({ wrappedKey }) => wrappedKey),
    }),
  );
  if (rewrapped > 0) await tx.run(countStatement({ rewrapped }));
  return rewrapped;
}
