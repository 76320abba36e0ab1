import sql, { type Sql } from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from './statement.ts';

/** Whether a relation is in the schema of our tables. Subqueries, because joins would be planned for many rows where there are none. */
const isOurs = (relation: Sql): Sql => sql`(SELECT relnamespace FROM pg_class WHERE oid = ${relation})
        = (SELECT relnamespace FROM pg_class WHERE oid = 'audit_entry'::regclass)`;

/**
 * Whether our schema has triggers or rules. This service makes none, and they may undo what a statement wrote after it has returned it; who
 * sees true reads back what has to be there. Cheap: where there are none, it reads a page each of two catalogs.
 */
export const IS_INTERFERED_WITH = sql`(EXISTS (
      SELECT 1 FROM pg_trigger t WHERE NOT t.tgisinternal AND ${isOurs(sql`t.tgrelid`)})
    OR EXISTS (SELECT 1 FROM pg_rewrite r WHERE r.ev_class >= 16384 AND r.ev_type <> '1' AND ${isOurs(sql`r.ev_class`)}))`;

const fireDeferredTriggers = defineStatement<Record<never, never>>(
  'fire_deferred_triggers',
  () => sql`SET CONSTRAINTS ALL IMMEDIATE`,
);

/** Has deferred triggers run now, so that what is read next is what will be committed. */
export async function runDeferredTriggers(transaction: SqlExecutor): Promise<void> {
  await transaction.run(fireDeferredTriggers({}));
}
