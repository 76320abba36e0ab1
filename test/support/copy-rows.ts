import type { SqlExecutor } from '../../src/database/statement.ts';

interface RowCopies {
  table: string;
  /** A source of `n`, or of whatever `set` names, such as `generate_series(1, 100) n`. */
  each: string;
  /** Which row of the table to copy, by the alias `o`. */
  where: string;
  /** What differs, as SQL by column. */
  set: Readonly<Record<string, string>>;
  values?: unknown[];
}

/**
 * Inserts copies of a row that the service wrote. Names each column, because Postgres evaluates
 * `(jsonb_populate_record(…)).*` once per column, which takes seconds for tens of thousands of rows.
 */
export async function copyRows(
  database: Pick<SqlExecutor, 'rows' | 'run'>,
  { table, each, where, set, values = [] }: RowCopies,
): Promise<void> {
  const columns = await database.rows<{ name: string }>({
    text: `SELECT quote_ident(attname) AS name FROM pg_attribute
      WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''`,
    values: [table],
  });
  const names = columns.map(({ name }) => name);
  const copied = names.map((name) => set[name] ?? `o.${name}`);
  await database.run({
    text: `INSERT INTO ${table} (${names.join(', ')}) SELECT ${copied.join(', ')} FROM ${table} o, ${each} WHERE ${where}`,
    values,
  });
}
