import sql, { type Sql } from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../database/statement.ts';
import type { CallerId } from './ids.ts';

const clientStatement = defineStatement<{ ids: readonly CallerId[]; usedAt: readonly Date[] }>(
  'client_last_use',
  ({ ids, usedAt }) => updateLastUse(sql`client`, sql`id`, sql`${ids}::text[]`, usedAt),
);

const keyStatement = defineStatement<{ hashes: readonly Buffer[]; usedAt: readonly Date[] }>(
  'client_key_last_use',
  ({ hashes, usedAt }) => updateLastUse(sql`client_key`, sql`hash`, sql`${hashes}::bytea[]`, usedAt),
);

/** Records when clients were last used. Skips locked rows. */
export async function recordClientUse(
  executor: SqlExecutor,
  uses: readonly { id: CallerId; at: Date }[],
): Promise<void> {
  await executor.run(clientStatement({ ids: uses.map(({ id }) => id), usedAt: uses.map(({ at }) => at) }));
}

/** Records when keys were last used. Skips locked rows. */
export async function recordKeyUse(executor: SqlExecutor, uses: readonly { hash: Buffer; at: Date }[]): Promise<void> {
  await executor.run(keyStatement({ hashes: uses.map(({ hash }) => hash), usedAt: uses.map(({ at }) => at) }));
}

/** `names` is an SQL array of values of `column`; `usedAt` holds their times. */
function updateLastUse(table: Sql, column: Sql, names: Sql, usedAt: readonly Date[]): Sql {
  return sql`WITH used AS (
      SELECT t.${column} AS name, w.at FROM ${table} t
      JOIN unnest(${names}, ${usedAt}::timestamptz[]) AS w (name, at) ON w.name = t.${column}
      WHERE t.last_used_at IS NULL OR t.last_used_at < w.at FOR NO KEY UPDATE OF t SKIP LOCKED
    ) UPDATE ${table} t SET last_used_at = used.at FROM used WHERE t.${column} = used.name`;
}
