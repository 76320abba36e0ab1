import { Sql } from 'sql-template-tag';

export type Element = string | number | boolean | Date | Buffer | null;

export type ElementType = 'boolean' | 'bytea' | 'integer' | 'text' | 'timestamptz';

/** An array literal (`toArrayLiteral`) per column, and the number of elements in each. */
export type RowArrays<C extends string> = Readonly<Record<C, string>> & { readonly count: number };

/**
 * Defines a FROM item that turns one array per entry of `columns` into rows, with columns of those names and `n`,
 * counted from 1.
 * Postgres builds such a row in a quarter of the time `unnest` takes, which fills a table for each array.
 * The text is assembled once: nesting a fragment per column took longer than everything else in a statement.
 * `most`: maximum number of rows. Postgres then estimates a third of it, regardless of the arrays, and keeps one plan.
 */
export function defineArrayRows<C extends string>(
  alias: string,
  columns: Readonly<Record<C, ElementType>>,
  most: number | null = null,
): (arrays: RowArrays<C>) => Sql {
  const names = Object.keys(columns) as C[];
  const texts = ['(SELECT n', ...names.map((name) => `::${columns[name]}[])[n] AS ${name}`)];
  const from = most === null ? ' FROM generate_series(1, ' : ` FROM generate_series(1, ${most}) AS n WHERE n <= `;
  const strings = texts.map((text, index) => `${text}${index < names.length ? ', (' : from}`);
  strings.push(`::integer${most === null ? ') AS n' : ''} OFFSET 0) ${alias}`);
  return (arrays) => new Sql(strings, [...names.map((name) => arrays[name]), arrays.count]);
}

/** Converts rows to arrays, for a statement defined with these columns. */
export function toRowArrays<C extends string>(
  columns: Readonly<Record<C, ElementType>>,
  rows: readonly Readonly<Record<C, Element>>[],
): RowArrays<C> {
  const arrays: Partial<Record<C, string>> = {};
  for (const name of Object.keys(columns) as C[]) arrays[name] = toArrayLiteral(rows.map((row) => row[name]));
  return { ...(arrays as Record<C, string>), count: rows.length };
}

/**
 * Defines a FROM item of one row, with the same names and `n` = 1. It has no `OFFSET 0` fence, so Postgres substitutes
 * the parameters where they are used instead of building a row first.
 */
export function defineValueRow<C extends string>(
  alias: string,
  columns: Readonly<Record<C, ElementType>>,
): (values: Readonly<Record<C, Element>>) => Sql {
  const names = Object.keys(columns) as C[];
  const texts = ['(SELECT 1 AS n', ...names.map((name) => `::${columns[name]} AS ${name}`)];
  const strings = texts.map((text, index) => `${text}${index < names.length ? ', ' : `) ${alias}`}`);
  return (values) =>
    new Sql(
      strings,
      names.map((name) => values[name]),
    );
}

/** Returns a one-dimensional array in Postgres's array syntax. */
export function toArrayLiteral(values: readonly Element[]): string {
  let literal = '';
  for (const value of values) literal += literal === '' ? toElement(value) : `,${toElement(value)}`;
  return `{${literal}}`;
}

function toElement(value: Element): string {
  if (value === null) return 'NULL';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return `"${/["\\]/.test(value) ? value.replaceAll(/["\\]/g, '\\$&') : value}"`;
  return value instanceof Date ? `"${value.toISOString()}"` : `"\\\\x${value.toString('hex')}"`;
}
