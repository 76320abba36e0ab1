import type { QueryResultRow } from 'pg';
import type { Sql } from 'sql-template-tag';

/**
 * One SQL statement as `pg` takes it; `R` is the shape of its rows. With a `name`, Postgres keeps its plan for the connection, so the
 * text must never vary under that name.
 */
export interface Statement<R extends QueryResultRow = QueryResultRow> {
  name?: string;
  text: string;
  values?: unknown[];
  /** Carries the row type to `rows`; never set. */
  readonly row?: R;
}

/** Whatever runs statements: the pool, or an open transaction. */
export interface SqlExecutor {
  /** The rows of one statement, one round trip. */
  rows<R extends QueryResultRow>(statement: Statement<R>): Promise<R[]>;
  /** Runs a statement for its effect; how many rows it touched. */
  run(statement: Statement): Promise<number>;
  /** Has a check run right before the commit; its error rolls everything back. Absent where each statement commits by itself. */
  beforeCommit?(check: () => Promise<void>): void;
}

/** Makes a statement from its parameters. */
export interface StatementDefinition<P, R extends QueryResultRow = QueryResultRow> {
  (parameters: P): Statement<R>;
  /** Unique in the program. */
  readonly statementName: string;
  readonly build: (parameters: P) => Sql;
  /** Parameter sets that together reach every text the builder can produce; empty where there is only one text. */
  readonly variants: readonly Partial<P>[];
}

export interface StatementOptions<P> {
  /**
   * Prepared once per connection under the statement's name: for the hot paths. Leave it off where the best plan depends on the values.
   */
  prepare?: boolean;
  /** For a builder whose text depends on its parameters; such a statement can't be prepared under one name. */
  variants?: readonly Partial<P>[];
}

/** A defined statement, for the test that prepares them all. */
export interface RegisteredStatement {
  readonly statementName: string;
  readonly build: (parameters: never) => Sql;
  readonly variants: readonly object[];
}

const definitions = new Map<string, RegisteredStatement>();

/**
 * Defines a statement at module level, in the `*.repository.ts` or `*.query.ts` of the module that owns the table. `build` writes it with
 * the tagged template of `sql-template-tag`, so parameters are numbered by the library, and fragments nest. One test prepares every
 * defined statement against the migrated schema and checks `R` against the columns that Postgres describes.
 *
 * @throws Error if the name is taken; when called, if the text of a prepared statement differs from that of an earlier call
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
    if (!prepare) return { text, values };
    // `pg` makes this comparison as well, but only on a connection that has prepared the other text.
    preparedText ??= text;
    if (text !== preparedText) throw new Error(`the text of prepared statement ${name} depends on its parameters`);
    return { name, text: preparedText, values };
  };
  const definition = Object.assign(define, { statementName: name, build, variants });
  definitions.set(name, definition);
  return definition;
}

/** Every statement of the modules loaded so far, by name. */
export function definedStatements(): ReadonlyMap<string, RegisteredStatement> {
  return definitions;
}
