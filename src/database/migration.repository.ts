import sql from 'sql-template-tag';
import { judgeSchema, type SchemaState } from './schema-state.ts';
import { defineStatement, type SqlExecutor } from './statement.ts';

const selectNames = defineStatement<Record<never, never>, { name: string; needs: string[] }>(
  'schema_migration_select_names',
  () => sql`SELECT name, (SELECT coalesce(array_agg(needs), '{}') FROM schema_contract) AS needs FROM schema_migration`,
);

/** Compares the schema with the migrations of this build, whose names are `own`. */
export async function readSchemaState(executor: SqlExecutor, own: readonly string[]): Promise<SchemaState> {
  const rows = await executor.rows(selectNames({}));
  return judgeSchema(own, new Set(rows.map(({ name }) => name)), rows[0]?.needs ?? []);
}
