import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { SqlExecutor } from '../../../../src/database/statement.ts';
import { checkDatabaseSafety } from '../../../../src/operations/doctor/database-checks.ts';
import type { Finding } from '../../../../src/operations/doctor/finding.ts';
import { SecretString } from '../../../../src/platform/secret-string.ts';
import { type PostgresPair, startPostgresPair } from '../../../support/postgres-pair.ts';
import { until } from '../../../support/until.ts';

const ALONE = { names: '', connected: 0, synchronous: 0, hidden: 0, waiting: 0 };

async function examine(
  database: Pick<SqlExecutor, 'rows'>,
  url = 'postgres://vault@/vault?host=/run/postgresql',
  directUrl: string | null = null,
): Promise<Finding[]> {
  const config = {
    databaseUrl: new SecretString(url),
    database: { directUrl: directUrl === null ? null : new SecretString(directUrl), readUrl: null },
  };
  const findings = await checkDatabaseSafety({ config, database });
  expect(findings.map(({ check }) => check)).toEqual(['database_tls', 'replication']);
  return findings;
}

/** A Postgres that answers with this row. */
const answering = (row: object): Pick<SqlExecutor, 'rows'> => ({ rows: async () => [row] as never });

describe('TLS to the database', () => {
  const tlsOf = async (url: string, directUrl: string | null = null) =>
    (await examine(answering(ALONE), url, directUrl))[0];

  it.each([
    'postgres://vault:pw@db.example:5432/vault?sslmode=verify-full',
    'postgres://vault:pw@127.0.0.1:5432/vault',
    'postgres://vault:pw@localhost/vault',
    'postgres://vault:pw@[::1]/vault',
    'postgres://vault@/vault?host=/run/postgresql',
  ])('is fine with %s', async (url) => {
    expect(await tlsOf(url)).toMatchObject({ state: 'ok', mend: null });
  });

  it.each([
    'postgres://vault:pw@db.example/vault',
    'postgres://vault:pw@10.0.0.7/vault?sslmode=disable',
    'postgres://vault:pw@db.example/vault?sslmode=require',
    'postgres://vault:pw@db.example/vault?sslmode=verify-ca&sslrootcert=/etc/db-ca.pem',
    'postgres://vault:pw@localhost,db.example/vault',
  ])('is to be looked at with %s', async (url) => {
    const finding = await tlsOf(url);
    expect(finding).toMatchObject({ state: 'attention', mend: expect.stringContaining('sslmode=verify-full') });
    expect(finding?.detail).toMatch(/^DATABASE_URL: /);
    expect(JSON.stringify(finding)).not.toContain('pw');
  });

  it('is asked of the direct URL as well', async () => {
    const finding = await tlsOf('postgres://v@pooler/v?sslmode=verify-full', 'postgres://v@db.example/v');
    expect(finding?.detail).toMatch(/^DATABASE_DIRECT_URL: /);
  });
});

describe('replication', () => {
  it.each([
    [{ ...ALONE, connected: 1, hidden: 1 }, 'cannot be read', 'pg_read_all_stats'],
    [{ ...ALONE, waiting: 1 }, '1 replication slot retains WAL for a missing standby', 'Connect a standby'],
    [{ ...ALONE, connected: 2, waiting: 2 }, '2 standbys, but 2 replication slots retain WAL', 'drop their slots'],
  ])('is to be looked at when Postgres tells %j', async (row, detail, mend) => {
    expect((await examine(answering(row)))[1]).toMatchObject({
      state: 'attention',
      detail: expect.stringContaining(detail),
      mend: expect.stringContaining(mend),
    });
  });
});

describe('replication of two real servers', () => {
  let pair: PostgresPair;
  let client: pg.Client;
  beforeAll(async () => {
    pair = await startPostgresPair();
    client = new pg.Client({ connectionString: pair.primaryUrl });
    await client.connect();
  });
  afterAll(async () => {
    await client?.end();
    await pair?.close();
  });

  const found = async (): Promise<Finding | undefined> =>
    (await examine({ rows: async (statement) => (await client.query(statement)).rows as never }))[1];

  it('is asynchronous, synchronous, without the standby that commits wait for, and then missing', async () => {
    expect(await found()).toMatchObject({ state: 'ok', detail: expect.stringContaining('1 standby, asynchronous') });
    await pair.replicateSynchronously();
    const synchronous = await until(found, (finding) => finding?.detail.includes('1 synchronous') === true);
    expect(synchronous).toMatchObject({ state: 'ok', detail: expect.stringContaining('loses nothing') });
    await client.query(`ALTER SYSTEM SET synchronous_standby_names = 'another'`);
    await client.query('SELECT pg_reload_conf()');
    const waiting = await until(found, (finding) => finding?.detail.includes('is another') === true);
    expect(waiting?.detail).toBe(
      'synchronous_standby_names is another, but no such standby is connected: commits wait for one.',
    );
    await client.query('ALTER SYSTEM RESET synchronous_standby_names');
    await client.query('SELECT pg_reload_conf()');
    await pair.promote();
    const alone = await until(found, (finding) => finding?.detail.startsWith('No standby is connected') === true);
    expect(alone?.state).toBe('attention');
  });
});
