import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from './statement.ts';

/**
 * Whether the schema has triggers or rules. This service makes none, and they may undo what a statement wrote after it has returned it; who
 * sees true reads back what has to be there. Cheap: the catalogs hold a few dozen rows of ours, and no other ones of interest.
 */
export const IS_INTERFERED_WITH = sql`(EXISTS (SELECT 1 FROM pg_trigger WHERE NOT tgisinternal)
    OR EXISTS (SELECT 1 FROM pg_rewrite WHERE ev_class >= 16384 AND ev_type <> '1'))`;

const fireDeferredTriggers = defineStatement<Record<never, never>>(
  'fire_deferred_triggers',
  () => sql`SET CONSTRAINTS ALL IMMEDIATE`,
);

/** Has deferred triggers run now, so that what is read next is what will be committed. */
export async function runDeferredTriggers(transaction: SqlExecutor): Promise<void> {
  await transaction.run(fireDeferredTriggers({}));
}
