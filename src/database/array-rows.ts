import sql, { join, raw, type Sql } from 'sql-template-tag';

/** A column's type in Postgres, and its values, one per row. */
export type ArrayColumn = readonly ['bytea' | 'integer' | 'text' | 'timestamptz', readonly unknown[]];

/**
 * FROM item: rows made of arrays of one length, `n` counting from 1. `columns` are named as in the statement. Postgres
 * makes a row of them in a quarter of the time that `unnest` takes, which fills a table for each of its arrays.
 */
export function arrayRows(alias: Sql, columns: Readonly<Record<string, ArrayColumn>>): Sql {
  const all = Object.entries(columns);
  const elements = all.map(([name, [type, values]]) => sql`(${values}::${raw(`${type}[]`)})[n] AS ${raw(name)}`);
  const count = all[0]?.[1][1].length ?? 0;
  return sql`(SELECT n, ${join(elements)} FROM generate_series(1, ${count}::integer) AS n OFFSET 0) ${alias}`;
}
