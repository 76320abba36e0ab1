import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { dataSourceOptions } from '../../../src/database/data-source-options.ts';
import { migrate } from '../../../src/database/migrate.ts';
import { FILL_SCHEMA } from '../../support/filled-schema.ts';
import { emptyDatabase, type FreshDatabase } from '../../support/fresh-database.ts';

/** The last migration before tables and columns were renamed. */
const LAST_BEFORE = 1764000750000;

const NEW_TABLE_NAMES: Readonly<Record<string, string>> = {
  delivery_lane: 'delivery_queue',
  token_intake: 'pending_authorization',
  meta_app_pace: 'app_rate_limit',
  person_request: 'privacy_request',
};
const NEW_COLUMN_NAMES: Readonly<Record<string, string>> = {
  'delivery_queue.lane': 'ordering_key',
  'delivery.lane': 'ordering_key',
  'asset.doubted_at': 'verification_requested_at',
  'app_rate_limit.next_turn_at': 'next_probe_at',
  'audit_head.macs_from': 'macs_required_from',
  'audit_checkpoint.macs_from': 'macs_required_from',
};

type Row = Readonly<Record<string, string | null>>;
/** Rows by table, values as Postgres prints them. */
type Contents = Readonly<Record<string, readonly Row[]>>;

/** What ran, and the database afterwards. */
interface Upgraded {
  ran: readonly string[];
  contents: Contents;
  catalog: readonly string[];
}

let empty: FreshDatabase;
let before: DataSource;
let after: DataSource;
let contents: Contents;
let catalog: readonly string[];
let upgraded: Upgraded;
let undone: Omit<Upgraded, 'ran'>;
let repeated: Upgraded;

beforeAll(async () => {
  empty = await emptyDatabase();
  const options = dataSourceOptions(empty.url, 2);
  const migrations = (options.migrations as (new () => object)[]).filter(
    ({ name }) => timestampOf(name) <= LAST_BEFORE,
  );
  before = await new DataSource({ ...options, migrations } as DataSourceOptions).initialize();
  await migrate(before);
  for (const statement of FILL_SCHEMA) await before.query(statement);
  contents = await read(before);
  catalog = await readCatalog(before);
  after = await new DataSource(options).initialize();
  const upgrade = async (): Promise<Upgraded> => {
    const ran = await migrate(after);
    return { ran, contents: await read(after), catalog: await readCatalog(after) };
  };
  upgraded = await upgrade();
  for (const _ of laterMigrations(after)) await after.undoLastMigration();
  undone = { contents: await read(before), catalog: await readCatalog(before) };
  repeated = await upgrade();
});

afterAll(async () => {
  await before?.destroy();
  await after?.destroy();
  await empty?.drop();
});

describe('the database before the upgrade', () => {
  it('has rows in every table, and a value in every column', () => {
    const unfilled = Object.entries(contents).flatMap(([table, rows]) =>
      rows.length === 0
        ? [table]
        : Object.keys(rows[0] ?? {})
            .filter((column) => rows.every((row) => row[column] === null))
            .map((column) => `${table}.${column}`),
    );
    expect(Object.keys(contents).length).toBeGreaterThan(20);
    expect(unfilled).toEqual([]);
  });
});

describe('an upgrade', () => {
  it('keeps every row and every value', () => {
    expect(upgraded.ran).not.toEqual([]);
    expect(selectColumns(upgraded.contents, withNewNames(contents))).toEqual(withNewNames(contents));
  });

  it('leaves no index or constraint with an old name', () => {
    // `'person'` is a kind of actor.
    const old = /lane|intake|_pace|person(?!')|doubted|macs_from|next_turn/;
    expect(upgraded.catalog.filter((line) => old.test(line))).toEqual([]);
  });

  it('can be undone, with every row and every value', () => {
    expect(undone.contents).toEqual(contents);
    // Checks that later rows may violate are not validated.
    expect(undone.catalog.map((line) => line.replace(/ NOT VALID$/, ''))).toEqual(catalog);
  });

  it('can be repeated', () => {
    expect(repeated.ran).toEqual(laterMigrations(after));
    expect(selectColumns(repeated.contents, withNewNames(contents))).toEqual(withNewNames(contents));
  });
});

function timestampOf(migration: string): number {
  return Number(/\d{13}$/.exec(migration)?.[0]);
}

/** In execution order. */
function laterMigrations({ options }: DataSource): string[] {
  return (options.migrations as (new () => object)[])
    .map(({ name }) => name)
    .filter((name) => timestampOf(name) > LAST_BEFORE)
    .sort((one, other) => timestampOf(one) - timestampOf(other));
}

/** All tables except TypeORM's. */
async function read(source: DataSource): Promise<Contents> {
  const columns = (await source.query(`
    SELECT c.relname AS table, array_agg(a.attname::text ORDER BY a.attname) AS columns
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> 'schema_migration'
    GROUP BY c.relname ORDER BY c.relname`)) as { table: string; columns: string[] }[];
  const found: Record<string, Row[]> = {};
  for (const { table, columns: names } of columns) {
    const rows: Row[] = await source.query(`SELECT ${names.map((name) => `${name}::text`).join(', ')} FROM ${table}`);
    found[table] = sorted(rows);
  }
  return found;
}

/** Columns, indexes and constraints, one per line. */
async function readCatalog(source: DataSource): Promise<string[]> {
  const rows: { line: string }[] = await source.query(`
    SELECT format('%s %s %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod)) AS line
      FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'S')
    UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT format('%s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint
      WHERE connamespace = 'public'::regnamespace
    ORDER BY line`);
  return rows.map(({ line }) => line);
}

function withNewNames(old: Contents): Contents {
  return Object.fromEntries(
    Object.entries(old).map(([oldTable, rows]) => {
      const table = NEW_TABLE_NAMES[oldTable] ?? oldTable;
      const renamed = rows.map((row) =>
        Object.fromEntries(
          Object.entries(row).map(([column, value]) => [NEW_COLUMN_NAMES[`${table}.${column}`] ?? column, value]),
        ),
      );
      return [table, sorted(renamed)];
    }),
  );
}

/** Returns the tables and columns of `wanted` from `all`, because later migrations may add some but lose none. */
function selectColumns(all: Contents, wanted: Contents): Contents {
  return Object.fromEntries(
    Object.entries(wanted).map(([table, rows]) => {
      const columns = Object.keys(rows[0] ?? {});
      const found = all[table] ?? [];
      return [
        table,
        sorted(found.map((row) => Object.fromEntries(columns.map((column) => [column, row[column] ?? null])))),
      ];
    }),
  );
}

function sorted(rows: readonly Row[]): Row[] {
  const key = (row: Row): string => JSON.stringify(Object.entries(row).sort());
  return [...rows].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}
