import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';

/** One fan-out at a time across replicas: two could queue a connection's events in the wrong order. */
const FAN_OUT_LOCK = 727_005;

const holdLock = defineStatement<Record<never, never>>(
  'fan_out_hold',
  () => sql`SELECT pg_advisory_xact_lock(${FAN_OUT_LOCK}::bigint)`,
  { prepare: true },
);

const tryLock = defineStatement<Record<never, never>, { taken: boolean }>(
  'fan_out_lock',
  () => sql`SELECT pg_try_advisory_xact_lock(${FAN_OUT_LOCK}::bigint) AS taken`,
  { prepare: true },
);

/**
 * Waits for a running fan-out and blocks others until the transaction ends. Take it to change which deliveries may
 * exist.
 */
export async function lockFanOut(executor: SqlExecutor): Promise<void> {
  await executor.run(holdLock({}));
}

/** Takes the same lock for fan-out itself. False: another transaction holds it. */
export async function tryLockFanOut(executor: SqlExecutor): Promise<boolean> {
  const [row] = await executor.rows(tryLock({}));
  return row?.taken === true;
}
