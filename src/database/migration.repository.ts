import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from './statement.ts';

const selectNames = defineStatement<Record<never, never>, { name: string }>(
  'schema_migration_select_names',
  () => sql`SELECT name FROM schema_migration`,
);

/** Returns the names of the migrations that have run. */
export async function listRanMigrations(executor: SqlExecutor): Promise<Set<string>> {
  return new Set((await executor.rows(selectNames({}))).map(({ name }) => name));
}
