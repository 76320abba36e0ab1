import path from 'node:path';
import pg from 'pg';
import { definedStatements, type RegisteredStatement } from '../../src/database/statement.ts';
import { buildStatement } from '../architecture/build-statement.ts';
import { isStatementFile, ROOT, sourceFiles } from '../architecture/source-files.ts';

/** What a release requires of the schema: its replicas run alongside those of the next one, on the next schema. */
export interface ReleasedSchema {
  /** Texts by name. */
  readonly statements: Readonly<Record<string, readonly string[]>>;
  /** Type by `table.column`. */
  readonly columns: Readonly<Record<string, string>>;
  /** `table: definition` of checks, unique and foreign keys, which limit what may be written. */
  readonly constraints: readonly string[];
}

export const RELEASED_SCHEMA_FILE = path.join(ROOT, 'test/architecture/released-schema.json');

/** Reads it from these sources, and from a database that they have migrated. */
export async function readSchema(databaseUrl: string): Promise<ReleasedSchema> {
  const files = sourceFiles()
    .map(({ path: file }) => file)
    .filter(isStatementFile);
  for (const file of files) await import(path.join(ROOT, file));
  const statements = [...definedStatements().values()].map((each) => [each.statementName, textsOf(each)] as const);
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return {
      statements: Object.fromEntries(statements.sort(([one], [other]) => (one < other ? -1 : 1))),
      columns: Object.fromEntries((await readColumns(client)).map(({ name, type }) => [name, type])),
      constraints: await readConstraints(client),
    };
  } finally {
    await client.end();
  }
}

/** What the migrated schema takes away from replicas of a release; empty if they work on it as before. */
export async function findContractions(databaseUrl: string, released: ReleasedSchema): Promise<string[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const columns = await readColumns(client);
    const types = new Map(columns.map(({ name, type }) => [name, type]));
    const tables = new Set(Object.keys(released.columns).map(tableOf));
    const changed = Object.entries(released.columns)
      .filter(([name, type]) => types.get(name) !== type)
      .map(([name, type]) => `${name}: was ${type}, is ${types.get(name) ?? 'gone'}`);
    const required = columns
      .filter(({ name, is_required }) => is_required && tables.has(tableOf(name)) && !(name in released.columns))
      .map(({ name }) => `${name}: is new and required, so rows without it are refused`);
    const stricter = (await readConstraints(client))
      .filter((each) => tables.has(each.split(':', 1)[0] ?? '') && !released.constraints.includes(each))
      .filter((each) => mentionsReleasedColumn(each, released) && !widensReleasedCheck(each, released))
      .map((each) => `${each}: is new, so rows may be refused`);
    return [...changed, ...required, ...stricter, ...(await findRefusedStatements(client, released))];
  } finally {
    await client.end();
  }
}

/** Session settings can't be prepared, and require nothing of the schema. */
const SETS = /^\s*SET\b/;

async function findRefusedStatements(client: pg.Client, { statements }: ReleasedSchema): Promise<string[]> {
  const refused: string[] = [];
  for (const [name, texts] of Object.entries(statements)) {
    for (const text of texts.filter((each) => !SETS.test(each))) {
      await client
        .query(`PREPARE released AS ${text}`)
        .then(() => client.query('DEALLOCATE released'))
        .catch((error: Error) => refused.push(`${name}: ${error.message}`));
    }
  }
  return refused;
}

function textsOf(statement: RegisteredStatement): string[] {
  const variants = statement.variants.length === 0 ? [{}] : statement.variants;
  return variants.map((variant) => buildStatement(statement, variant).text);
}

const tableOf = (column: string): string => column.split('.', 1)[0] ?? '';

/** A constraint on new columns alone does not affect a release that has none of them. */
function mentionsReleasedColumn(constraint: string, { columns }: ReleasedSchema): boolean {
  const [table = '', definition = ''] = constraint.split(/: (.*)/s);
  const own = definition.split(' REFERENCES ', 1)[0] ?? '';
  return (own.match(/\w+/g) ?? []).some((word) => `${table}.${word}` in columns);
}

/** A check that admits all that a released one does, so rows of the release still pass. */
function widensReleasedCheck(constraint: string, { constraints }: ReleasedSchema): boolean {
  const now = admittedValues(constraint);
  return constraints.some((each) => {
    const before = admittedValues(each);
    return (
      before !== null && before.column === now?.column && [...before.values].every((value) => now.values.has(value))
    );
  });
}

/** What a check of the form `column IN (…)` admits; null for others. */
function admittedValues(constraint: string): { column: string; values: Set<string> } | null {
  const [, table, column, list = ''] = /^(\w+): CHECK \(\((\w+) = ANY \(ARRAY\[(.*)\]\)\)\)$/.exec(constraint) ?? [];
  if (column === undefined) return null;
  return { column: `${table}.${column}`, values: new Set(list.split(', ')) };
}

async function readColumns(client: pg.Client): Promise<{ name: string; type: string; is_required: boolean }[]> {
  const { rows } = await client.query<{ name: string; type: string; is_required: boolean }>(`
    SELECT c.relname || '.' || a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
      a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AS is_required
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1`);
  return rows;
}

async function readConstraints(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ line: string }>(`
    SELECT conrelid::regclass || ': ' || pg_get_constraintdef(oid) AS line FROM pg_constraint
      WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'u', 'f')
    UNION SELECT indrelid::regclass || ': ' || replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') FROM pg_index
      WHERE indisunique AND NOT indisprimary AND indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
    ORDER BY 1`);
  return rows.map(({ line }) => line);
}
