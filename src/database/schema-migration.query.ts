import sql from 'sql-template-tag';
import { defineStatement } from './statement.ts';

/** The names of the migrations that have run. */
export const selectRanMigrations = defineStatement<Record<never, never>, { name: string }>(
  'schema_migration_list',
  () => sql`SELECT name FROM schema_migration`,
);
