import sql, { join, raw, type Sql } from 'sql-template-tag';

export type Element = string | number | Date | Buffer | null;

export type ElementType = 'bytea' | 'integer' | 'text' | 'timestamptz';

/**
 * FROM item: `count` rows made of as many arrays (`toArrayLiteral`), with `n` counting from 1. `columns` are named as
 * in the statement. Postgres makes a row of them in a quarter of the time that `unnest` takes, which fills a table for
 * each of its arrays.
 */
export function arrayRows(
  alias: Sql,
  count: number,
  columns: Readonly<Record<string, readonly [type: ElementType, literal: string]>>,
): Sql {
  const elements = Object.entries(columns).map(
    ([name, [type, literal]]) => sql`(${literal}::${raw(`${type}[]`)})[n] AS ${raw(name)}`,
  );
  return sql`(SELECT n, ${join(elements)} FROM generate_series(1, ${count}::integer) AS n OFFSET 0) ${alias}`;
}

/** Returns a one-dimensional array as Postgres reads it. Half the work of `pg`, which allows for nesting. */
export function toArrayLiteral(values: readonly Element[]): string {
  let literal = '';
  for (const value of values) literal += literal === '' ? toElement(value) : `,${toElement(value)}`;
  return `{${literal}}`;
}

function toElement(value: Element): string {
  if (value === null) return 'NULL';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return `"${/["\\]/.test(value) ? value.replaceAll(/["\\]/g, '\\$&') : value}"`;
  return value instanceof Date ? `"${value.toISOString()}"` : `"\\\\x${value.toString('hex')}"`;
}
