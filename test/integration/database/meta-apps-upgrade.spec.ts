import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { dataSourceOptions } from '../../../src/database/data-source-options.ts';
import { migrate } from '../../../src/database/migrate.ts';
import { Sweep } from '../../../src/lifecycle/sweeps/sweep.ts';
import type { Sandbox } from '../../../src/sandbox/sandbox.ts';
import {
  api,
  browseToCallback,
  type ConnectSessionBody,
  completeDialog,
  createServiceClient,
  createSession,
  RETURN_ORIGIN,
  TestBrowser,
} from '../../support/connect-test-context.ts';
import { type FreshDatabase, freshDatabase } from '../../support/fresh-database.ts';
import { startTestReplica, type TestReplica } from '../../support/test-replica.ts';
import { startTestSandbox } from '../../support/test-sandbox.ts';
import { until } from '../../support/until.ts';

/** The first migration with support for several apps. */
const META_APPS = 1764001180000;
const CONNECTIONS = 5;
/** The longest that requests wait for a lock; a statement that waits longer fails. */
const LOCK_TIMEOUT_MS = 2_000;

/** What replicas of the previous release keep writing, based on existing rows; `$1` is a unique number. */
const LOAD: Readonly<Record<string, string>> = {
  lease: `INSERT INTO lease SELECT (jsonb_populate_record(null::lease, to_jsonb(l) || jsonb_build_object(
      'id', substr(l.id, 1, 14) || lpad($1::text, 16, '0'), 'token_hash', '\\x' || md5($1::text)))).* FROM (SELECT * FROM lease ORDER BY id LIMIT 1) l`,
  claim: `UPDATE credential SET claim_id = 'clm_' || $1::text, claimed_until = now() - interval '1 second'
    WHERE id = (SELECT id FROM credential ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)`,
  session: `INSERT INTO connect_session SELECT (jsonb_populate_record(null::connect_session, to_jsonb(s) || jsonb_build_object(
      'id', 'cns_load' || $1::text, 'token_hash', '\\x' || md5($1::text)))).* FROM (SELECT * FROM connect_session ORDER BY id LIMIT 1) s`,
  event: `INSERT INTO event (id, type, tenant, product, connection_id, data, created_at)
    SELECT 'evt_load' || $1::text, type, tenant, product, connection_id, data, created_at FROM event WHERE data IS NOT NULL LIMIT 1`,
};

let empty: FreshDatabase;
let sandbox: Sandbox;
let before: TestReplica;
let after: TestReplica;
let key: string;
let connectionIds: string[];
let session: ConnectSessionBody;
/** A login whose browser is at Meta while the schema changes. */
let login: { browser: TestBrowser; callback: string };

/** Names of the migrations from then on. */
const laterMigrations = (source: DataSource): string[] =>
  (source.options.migrations as (new () => object)[])
    .map(({ name }) => name)
    .filter((name) => timestampOf(name) >= META_APPS);

function timestampOf(migration: string): number {
  return Number(/\d{13}$/.exec(migration)?.[0]);
}

beforeAll(async () => {
  empty = await freshDatabase();
  sandbox = await startTestSandbox();
  const options = {
    environment: { ...sandbox.environment(), RETURN_URL_ORIGINS: RETURN_ORIGIN },
    databaseUrl: empty.url,
  };
  before = await startTestReplica(options);
  const context = { replica: before };
  connectionIds = [];
  for (let n = 0; n < CONNECTIONS; n++) {
    const { id: userId } = sandbox.state.make.user({ kind: 'user' });
    const { accessToken } = sandbox.state.make.token({ userId, longLived: true, expiresIn: 3 * 86_400 });
    const body = { tenant: `one-app-${n}`, product: 'pages', access_token: accessToken };
    connectionIds.push((await api(context).post('/v1/connections/import', body).expect(201)).body.id as string);
  }
  ({ key } = await createServiceClient(context));
  await api(context, key).post('/v1/leases', { tenant: 'one-app-0', product: 'pages' }).expect(201);
  session = await createSession(context, { tenant: 'opened-before' });
  login = await browseToCallback(context, { tenant: 'begun-before' });
  await before.close();
  await undoMetaApps();
  await migrateUnderLoad();
  after = await startTestReplica(options);
});
afterAll(async () => {
  await after?.close();
  await sandbox?.close();
  await empty?.drop();
});

async function undoMetaApps(): Promise<void> {
  const source = await new DataSource(dataSourceOptions(empty.url, 2)).initialize();
  for (const _ of laterMigrations(source)) await source.undoLastMigration();
  const [{ table }] = (await source.query(`SELECT to_regclass('meta_app') AS table`)) as [{ table: string | null }];
  await source.destroy();
  if (table !== null) throw new Error('the database still knows of several apps');
}

const done: Record<string, { before: number; after: number; failed: string[] }> = {};

/** Writes as replicas do, from before the migration to after it. */
async function migrateUnderLoad(): Promise<void> {
  const options = dataSourceOptions(empty.url, 2);
  const migrations = (options.migrations as (new () => object)[]).filter(({ name }) => timestampOf(name) <= META_APPS);
  const source = await new DataSource({ ...options, migrations } as DataSourceOptions).initialize();
  let isMigrated = false;
  let isStopped = false;
  const write = async (name: string, statement: string): Promise<void> => {
    const counts = { before: 0, after: 0, failed: [] as string[] };
    done[name] = counts;
    const client = new pg.Client({ connectionString: empty.url, lock_timeout: LOCK_TIMEOUT_MS });
    await client.connect();
    for (let n = 0; !isStopped; n++) {
      const phase = isMigrated ? 'after' : 'before';
      await client.query(statement, [n]).then(
        ({ rowCount }) => (rowCount === 1 ? counts[phase]++ : counts.failed.push('wrote nothing')),
        (error: unknown) => counts.failed.push(String(error)),
      );
    }
    await client.end();
  };
  const load = Promise.all(Object.entries(LOAD).map(([name, statement]) => write(name, statement)));
  const all = (phase: 'before' | 'after') => () => Object.values(done).every((counts) => counts[phase] > 20);
  try {
    await until(all('before'));
    await migrate(source);
    isMigrated = true;
    await until(all('after'));
  } finally {
    isStopped = true;
    await load;
    await source.destroy();
  }
  const newest = await new DataSource(options).initialize();
  await migrate(newest);
  await newest.destroy();
}

describe('an installation of one app, upgraded to several', () => {
  it('goes on writing meanwhile', () => {
    for (const [name, { failed }] of Object.entries(done)) expect([name, failed]).toEqual([name, []]);
  });

  it('has its connections under the app of the environment, with leases and refreshes', async () => {
    const context = { replica: after };
    const listed = await api(context).get('/v1/apps').expect(200);
    const apps = listed.body.data as { app_id: string; source: string; connections: number }[];
    const own = apps.find(({ source }) => source === 'environment');
    expect(own?.app_id).toBe(sandbox.app.id);
    expect(own?.connections).toBeGreaterThanOrEqual(CONNECTIONS);
    const lease = await api(context, key).post('/v1/leases', { tenant: 'one-app-1', product: 'pages' }).expect(201);
    expect(lease.body.app_id).toBe(sandbox.app.id);
    await after.app.get(Sweep).refresh();
    for (const id of connectionIds.slice(1)) {
      const { body } = await api(context).get(`/v1/connections/${id}`).expect(200);
      expect(body).toMatchObject({ app_id: sandbox.app.id, status: 'active', credentials: [{ version: 2 }] });
    }
  });

  it('finishes logins that began before it', async () => {
    const browser = new TestBrowser({ replica: after });
    const dialog = await browser.open(session.connect_url);
    expect(dialog.searchParams.get('client_id')).toBe(sandbox.app.id);
    const arrived = await browser.get(await completeDialog(dialog));
    expect(arrived.headers['location']).toContain('status=connected');

    const other = new TestBrowser({ replica: after });
    for (const [name, value] of login.browser.cookies) other.cookies.set(name, value);
    const finished = await other.get(login.callback);
    expect(finished.headers['location']).toContain('status=connected');
  });

  it('takes a second app at once', async () => {
    const context = { replica: after };
    const app = { id: '760000000001', secret: 'b'.repeat(32) };
    sandbox.state.make.app(app);
    const body = { app_id: app.id, app_secret: app.secret, name: 'Own', tenants: ['one-app-0'] };
    await api(context).post('/v1/apps', body).expect(201);
    const own = await createSession(context, { tenant: 'one-app-0' });
    const dialog = await new TestBrowser(context).open(own.connect_url);
    expect(dialog.searchParams.get('client_id')).toBe(app.id);
  });
});
