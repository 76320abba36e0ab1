import type { QueryResultRow } from 'pg';
import type { Sql } from 'sql-template-tag';

/**
 * An SQL statement for `pg` with rows of type `R`. With a `name`, Postgres keeps its plan for the connection, so a name
 * must always have the same text.
 */
export interface Statement<R extends QueryResultRow = QueryResultRow> {
  name?: string;
  text: string;
  values?: unknown[];
  /** Its name in traces, whether prepared or not. */
  label?: string;
  /** Never set; carries the row type. */
  readonly row?: R;
}

/** Runs statements: a pool or an open transaction. */
export interface SqlExecutor {
  /** Returns the rows of one statement, in one round trip. */
  rows<R extends QueryResultRow>(statement: Statement<R>): Promise<R[]>;
  /** Runs a statement and returns how many rows it affected. */
  run(statement: Statement): Promise<number>;
  /** Runs a check right before the commit; an error rolls back. Absent if each statement commits by itself. */
  beforeCommit?(check: () => Promise<void>): void;
}

/** Runs statements that change nothing, possibly on a standby. */
export type SqlReader = Pick<SqlExecutor, 'rows'>;

/** Creates a statement from its parameters. */
export interface StatementDefinition<P, R extends QueryResultRow = QueryResultRow> {
  (parameters: P): Statement<R>;
  /** Unique across modules. */
  readonly statementName: string;
  readonly build: (parameters: P) => Sql;
  /** Parameter sets that produce every possible text; empty if there is only one. */
  readonly variants: readonly Partial<P>[];
}

export interface StatementOptions<P> {
  /** Prepares the statement once per connection, for hot paths. Do not use if the best plan depends on the values. */
  prepare?: boolean;
  /** For a text that depends on its parameters. Can't be combined with `prepare`. */
  variants?: readonly Partial<P>[];
}

/** A defined statement, as seen by the test that prepares them all. */
export interface RegisteredStatement {
  readonly statementName: string;
  readonly build: (parameters: never) => Sql;
  readonly variants: readonly object[];
}

const definitions = new Map<string, RegisteredStatement>();

/**
 * Defines a statement, at module level in the `*.repository.ts` or `*.query.ts` of the table's owner. `build` uses the
 * tagged template of `sql-template-tag`, which numbers parameters and nests fragments. A test prepares every statement
 * against the migrated schema and compares `R` with the columns that Postgres reports.
 * Throws if the name is taken. The statement throws if its text differs from an earlier call though it is prepared.
 */
export function defineStatement<P, R extends QueryResultRow = Record<never, never>>(
  name: string,
  build: (parameters: P) => Sql,
  { prepare = false, variants = [] }: StatementOptions<P> = {},
): StatementDefinition<P, R> {
  if (definitions.has(name)) throw new Error(`statement ${name} is defined twice`);
  if (prepare && variants.length > 0) throw new Error(`statement ${name} has several texts and can't be prepared`);
  let preparedText: string | undefined;
  const define = (parameters: P): Statement<R> => {
    const { text, values } = build(parameters);
    if (!prepare) return { text, values, label: name };
    // `pg` only notices this on a connection that has prepared the other text.
    preparedText ??= text;
    if (text !== preparedText) throw new Error(`the text of prepared statement ${name} depends on its parameters`);
    return { name, text: preparedText, values, label: name };
  };
  const definition = Object.assign(define, { statementName: name, build, variants });
  definitions.set(name, definition);
  return definition;
}

/** Returns every statement of the modules loaded so far, by name. */
export function definedStatements(): ReadonlyMap<string, RegisteredStatement> {
  return definitions;
}
