import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import ts from 'typescript';
import { type FreshDatabase, freshDatabase } from '../support/fresh-database.ts';
import { isStatementFile, locationOf, ROOT, type SourceFile, sourceFiles, walk } from './source-files.ts';
import { tableNames } from './sql-tables.ts';
import { FOREIGN_READS, TABLE_OWNERS } from './table-owners.ts';

/** What a statement looks like, or the beginning of one. */
const STATEMENT =
  /^\s*(SELECT\s|INSERT\s+INTO\s|UPDATE\s+\w+(\s+\w+)?\s+SET\s|DELETE\s+FROM\s|WITH\s+(RECURSIVE\s+)?\w+\s+(\([^)]*\)\s+)?AS\s|LOCK\s+TABLE\s|TRUNCATE\s)/;
/** The data source, embedded Postgres and migrations themselves: no table of the modules. */
const DATABASE = 'database';

const files = sourceFiles();

interface SqlText {
  file: SourceFile;
  node: ts.Node;
  text: string;
}

/** Every template tagged `sql`, with `?` in the place of its values and fragments. */
const templates: SqlText[] = files.flatMap((file) => {
  const found: SqlText[] = [];
  walk(file.tree, (node) => {
    if (ts.isTaggedTemplateExpression(node) && node.tag.getText() === 'sql')
      found.push({ file, node, text: textOf(node.template) });
  });
  return found;
});

/** Every other string that is a statement, or begins as one. */
const strings: SqlText[] = files.flatMap((file) => {
  const found: SqlText[] = [];
  walk(file.tree, (node) => {
    if (!ts.isStringLiteralLike(node) && !ts.isTemplateExpression(node)) return;
    const isTagged = ts.isTaggedTemplateExpression(node.parent);
    const text = textOf(node);
    if (!isTagged && STATEMENT.test(text)) found.push({ file, node, text });
  });
  return found;
});

describe('the tables', () => {
  let fresh: FreshDatabase;
  let existing: string[];

  beforeAll(async () => {
    fresh = await freshDatabase();
    const client = new pg.Client({ connectionString: fresh.url });
    await client.connect();
    const { rows } = await client.query<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace`,
    );
    await client.end();
    existing = rows.map(({ name }) => name);
  });

  afterAll(async () => {
    await fresh?.drop();
  });

  it('each have an owner', () => {
    expect(Object.keys(TABLE_OWNERS).sort()).toEqual(existing.sort());
  });

  it('are listed with their owners in docs/architecture.md', () => {
    const document = readFileSync(path.join(ROOT, 'docs/architecture.md'), 'utf8');
    const listed = [...document.matchAll(/^\| `(\w+)` \| `(\w+)` \|/gm)].map(([, table, owner]) => [table, owner]);
    expect(Object.fromEntries(listed)).toEqual(TABLE_OWNERS);
  });

  it('are named only in the SQL of their owners', () => {
    const named = templates.flatMap(({ file, node, text }) =>
      [...tableNames(text)]
        .filter((table) => TABLE_OWNERS[table] !== undefined && TABLE_OWNERS[table] !== file.module)
        .filter((table) => FOREIGN_READS[file.path]?.table !== table)
        .map((table) => `${locationOf(file, node)} names ${table} of ${TABLE_OWNERS[table]}`),
    );
    expect(named).toEqual([]);
  });
});

describe('SQL', () => {
  it('stands in *.repository.ts and *.query.ts', () => {
    const elsewhere = templates.filter(({ file }) => !isStatementFile(file.path));
    expect(elsewhere.map(locate)).toEqual([]);
  });

  it('is written with the tagged template', () => {
    expect(strings.filter(({ file }) => file.module !== DATABASE).map(locate)).toEqual([]);
  });

  it('in the database module names no table of another module', () => {
    const names = strings
      .filter(({ file }) => file.module === DATABASE)
      .flatMap((each) => [...tableNames(each.text)].map((table) => ({ table, location: locate(each) })))
      .filter(({ table }) => TABLE_OWNERS[table] !== undefined && TABLE_OWNERS[table] !== DATABASE);
    expect(names).toEqual([]);
  });

  it('has no parameter numbered by hand', () => {
    expect(templates.filter(({ text }) => /\$\d/.test(text)).map(locate)).toEqual([]);
  });

  it('is read for its tables', () => {
    const read = (text: string): string[] => [...tableNames(text)].sort();
    expect(read('SELECT a FROM credential AS c, connection n JOIN asset ON true WHERE b IS DISTINCT FROM c')).toEqual([
      'asset',
      'connection',
      'credential',
    ]);
    expect(read('INSERT INTO lease (id) SELECT ? FROM unnest(?) AS u, event ON CONFLICT DO UPDATE SET a = 1')).toEqual([
      'event',
      'lease',
    ]);
    expect(
      read('UPDATE delivery d SET a = 1 FROM (SELECT 1 FROM event), subscription WHERE a FOR UPDATE OF d'),
    ).toEqual(['delivery', 'event', 'subscription']);
    expect(read(`DELETE FROM ONLY client USING client_key k -- FROM audit_entry\n WHERE a = 'x FROM lease'`)).toEqual([
      'client',
      'client_key',
    ]);
    expect(read('SELECT extract(epoch FROM event) FOR NO KEY UPDATE SKIP LOCKED')).toEqual([]);
  });
});

function locate({ file, node }: SqlText): string {
  return locationOf(file, node);
}

function textOf(node: ts.StringLiteralLike | ts.TemplateExpression | ts.TemplateLiteral): string {
  return ts.isTemplateExpression(node)
    ? [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)].join(' ? ')
    : node.text;
}
