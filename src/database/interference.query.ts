import sql, { type Sql } from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from './statement.ts';

/** SQL condition: the relation is in our schema. Subqueries, because Postgres overestimates the rows of a join. */
const isOurs = (relation: Sql): Sql => sql`(SELECT relnamespace FROM pg_class WHERE oid = ${relation})
        = (SELECT relnamespace FROM pg_class WHERE oid = 'audit_entry'::regclass)`;

/**
 * SQL condition: our schema has triggers or rules, which may undo a write after the statement has returned it. We
 * create none; if true, read back what was written. Cheap: reads a page each of two catalogs.
 */
export const IS_INTERFERED_WITH = sql`(EXISTS (
      SELECT 1 FROM pg_trigger t WHERE NOT t.tgisinternal AND ${isOurs(sql`t.tgrelid`)})
    OR EXISTS (SELECT 1 FROM pg_rewrite r WHERE r.ev_class >= 16384 AND r.ev_type <> '1' AND ${isOurs(sql`r.ev_class`)}))`;

const fireDeferredTriggers = defineStatement<Record<never, never>>(
  'fire_deferred_triggers',
  () => sql`SET CONSTRAINTS ALL IMMEDIATE`,
);

/** Runs deferred triggers now, so that later reads see what will be committed. */
export async function runDeferredTriggers(transaction: SqlExecutor): Promise<void> {
  await transaction.run(fireDeferredTriggers({}));
}
