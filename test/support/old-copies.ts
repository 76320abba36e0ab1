import type { Database } from '../../src/database/database.ts';

/** Earlier versions of rows, which someone with write access to the database puts back. */
export interface OldCopies {
  /** Keeps the rows of these tables as they are now, under a name. */
  keep(name: string, ...tables: string[]): Promise<void>;
  /** Restores whole rows, both changed and deleted ones. */
  putBack(name: string, table: string, condition?: string): Promise<void>;
}

export function oldCopiesOf(database: Database): OldCopies {
  const run = (text: string): Promise<number> => database.run({ text });
  const columnsOf = async (table: string): Promise<string[]> => {
    const text = 'SELECT column_name FROM information_schema.columns WHERE table_name = $1 ORDER BY ordinal_position';
    const rows = await database.rows<{ column_name: string }>({ text, values: [table] });
    return rows.map((row) => row.column_name);
  };
  return {
    keep: async (name, ...tables) => {
      for (const table of tables) await run(`CREATE TABLE ${name}_${table} AS SELECT * FROM ${table}`);
    },
    putBack: async (name, table, condition = 'true') => {
      const columns = await columnsOf(table);
      const assignments = columns.map((column) => `${column} = excluded.${column}`).join(', ');
      await run(`INSERT INTO ${table} SELECT * FROM ${name}_${table} WHERE ${condition}
        ON CONFLICT (id) DO UPDATE SET ${assignments}`);
    },
  };
}
