import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { definedStatements, type RegisteredStatement } from '../../src/database/statement.ts';
import { describeStatement, type ResultColumn } from '../support/describe-statement.ts';
import { type FreshDatabase, freshDatabase } from '../support/fresh-database.ts';
import { buildStatement } from './build-statement.ts';
import { isStatementFile, ROOT, sourceFiles } from './source-files.ts';
import { readStatementDefinitions } from './statement-definitions.ts';

const files = sourceFiles()
  .map(({ path: file }) => file)
  .filter(isStatementFile);
const sources = readStatementDefinitions(files);

/** A text that Postgres has described. */
interface DescribedText {
  name: string;
  columns: ResultColumn[];
}

let fresh: FreshDatabase;
const described: DescribedText[] = [];
const failures: string[] = [];

beforeAll(async () => {
  for (const file of files) await import(path.join(ROOT, file));
  fresh = await freshDatabase();
  const client = new pg.Client({ connectionString: fresh.url });
  await client.connect();
  try {
    for (const statement of definedStatements().values()) await describeTexts(client, statement);
  } finally {
    await client.end();
  }
});

afterAll(async () => {
  await fresh?.drop();
});

describe('the statements of the program', () => {
  it('are all found, by names that are plain strings', () => {
    expect(sources.filter(({ name }) => name === null).map(({ location }) => location)).toEqual([]);
    expect(sources.map(({ name }) => name).sort()).toEqual([...definedStatements().keys()].sort());
  });

  it('are named in snake_case', () => {
    expect([...definedStatements().keys()].filter((name) => !/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/.test(name))).toEqual([]);
  });

  it('are accepted by Postgres on the migrated schema', () => {
    expect(failures).toEqual([]);
  });

  it('return the columns and types that their row types declare', () => {
    const differences = described.flatMap(({ name, columns }) =>
      sources
        .filter((source) => source.name === name)
        .flatMap((source) => source.compareRow(columns).map((each) => `${source.location} ${name}: ${each}`)),
    );
    expect([...new Set(differences)]).toEqual([]);
  });

  it('list variants where their text depends on the parameters, and only there', () => {
    const withVariants = new Set(
      [...definedStatements().values()].filter(hasVariants).map((each) => each.statementName),
    );
    const wrong = sources.filter(
      ({ name, isConditional }) => name !== null && isConditional !== withVariants.has(name),
    );
    expect(wrong.map(({ name, location }) => `${location} ${name}`)).toEqual([]);
  });

  it('have a text of its own for each variant', () => {
    const repeated = [...definedStatements().values()].filter(hasVariants).filter((statement) => {
      const texts = new Set(statement.variants.map((variant) => buildStatement(statement, variant).text));
      return texts.size < Math.max(statement.variants.length, 2);
    });
    expect(repeated.map(({ statementName }) => statementName)).toEqual([]);
  });
});

function hasVariants({ variants }: RegisteredStatement): boolean {
  return variants.length > 0;
}

async function describeTexts(client: pg.Client, statement: RegisteredStatement): Promise<void> {
  const name = statement.statementName;
  for (const variant of hasVariants(statement) ? statement.variants : [{}]) {
    try {
      described.push({ name, columns: await describeStatement(client, buildStatement(statement, variant).text) });
    } catch (error) {
      failures.push(`${name} ${JSON.stringify(variant)}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
