import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import request from 'supertest';
import { Database } from '../../src/database/database.ts';
import {
  api,
  type ConnectTestContext,
  completeConnect,
  createServiceClient,
  openConnectTestContext,
} from '../support/connect-test-context.ts';
import { type DatabaseProxy, startDatabaseProxy } from '../support/database-proxy.ts';
import { type FreshDatabase, freshDatabase } from '../support/fresh-database.ts';
import { until } from '../support/until.ts';

/** Far above the promised second, far below the usual statement timeout of 15 s. */
const NO_HANG_MS = 6_000;
const POOL_SIZE = 10;

let database: FreshDatabase;
let proxy: DatabaseProxy;
let context: ConnectTestContext;
/** Another user of the same database, without the proxy. */
let other: pg.Client;
let serviceKey = '';
let gatewayLease = '';

beforeAll(async () => {
  database = await freshDatabase();
  proxy = await startDatabaseProxy(database.url);
  context = await openConnectTestContext({ databaseUrl: proxy.url, databasePatience: 1 });
  other = new pg.Client({ connectionString: database.url });
  await other.connect();
  await completeConnect(context);
  serviceKey = (await createServiceClient(context, { lease_modes: ['token', 'gateway'] })).key;
  gatewayLease = (await lease('gateway')).body.access_token;
});

afterAll(async () => {
  proxy?.restore();
  await other?.end();
  await context?.close();
  proxy?.close();
  await database?.drop();
});

function mainDatabase(): Database {
  return context.replica.app.get(Database);
}

function lease(mode: 'token' | 'gateway'): request.Test {
  return api(context, serviceKey).post('/v1/leases', { tenant: 'acme', product: 'pages', mode });
}

function graphCall(): request.Test {
  return request(context.replica.app.getHttpServer()).get('/graph/me').set('Authorization', `Bearer ${gatewayLease}`);
}

async function count(table: 'lease' | 'audit_entry'): Promise<number> {
  return (await other.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`)).rows[0]?.n ?? 0;
}

/** Leases of both modes, many at once, are refused in time: nothing in the response, nothing left behind. */
async function expectRefusals(): Promise<void> {
  const before = await count('lease');
  const startedAt = performance.now();
  const responses = await Promise.all(Array.from({ length: 20 }, (_, n) => lease(n % 2 === 0 ? 'token' : 'gateway')));
  expect(performance.now() - startedAt).toBeLessThan(NO_HANG_MS);
  for (const { status, body, headers } of responses) {
    expect([status, body.code, headers['retry-after']]).toEqual([503, 'database_unavailable', '1']);
    expect(Object.keys(body)).not.toContain('access_token');
  }
  expect(await count('lease')).toBe(before);
}

/** Without a restart. */
async function expectRecovery(): Promise<void> {
  const { status } = await until(
    () => lease('token'),
    (response) => response.status === 201,
  );
  expect([status, (await lease('gateway')).status, (await graphCall()).status]).toEqual([201, 201, 200]);
}

describe('no lease is issued if its audit entry cannot be committed', () => {
  it.each([
    ['the disk is full', '53100'],
    ['a write fails', '58030'],
    ['the database has become read-only', '25006'],
  ])('%s', async (_, sqlState) => {
    await other.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '${sqlState}'; END $$`);
    await other.query('CREATE TRIGGER refuse BEFORE INSERT ON audit_entry FOR EACH ROW EXECUTE FUNCTION refuse()');
    try {
      await expectRefusals();
    } finally {
      await other.query('LOCK TABLE audit_entry; DROP FUNCTION refuse CASCADE');
    }
    await expectRecovery();
  });

  it('the audit log is gone', async () => {
    await other.query('ALTER TABLE audit_entry RENAME TO audit_entry_gone');
    try {
      await expectRefusals();
    } finally {
      await other.query('ALTER TABLE audit_entry_gone RENAME TO audit_entry');
    }
    await expectRecovery();
  });

  it('the audit log is locked: not even later, when nobody is waiting', async () => {
    const entries = await count('audit_entry');
    await other.query('BEGIN');
    await other.query('LOCK TABLE audit_entry IN ACCESS EXCLUSIVE MODE');
    try {
      await expectRefusals();
      // Postgres has canceled the statements waiting for the lock, so none runs once it is free.
      const waiting = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'metavault fail-fast'
        AND datname = current_database() AND wait_event_type = 'Lock'`;
      await until(
        () => other.query(waiting),
        ({ rows }) => rows[0].n === 0,
      );
    } finally {
      await other.query('ROLLBACK');
    }
    expect(await count('audit_entry')).toBe(entries);
    await expectRecovery();
  });
});

describe('long-running work', () => {
  it('takes no connections from leases', async () => {
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const slow = Array.from({ length: POOL_SIZE }, () =>
      mainDatabase().transaction(async (tx) => {
        await tx.run({ text: 'SELECT 1' });
        await ended;
      }),
    );
    try {
      expect([(await lease('token')).status, (await lease('gateway')).status, (await graphCall()).status]).toEqual([
        201, 201, 200,
      ]);
    } finally {
      end();
      await Promise.all(slow);
    }
  });
});

describe('an unresponsive database', () => {
  it('is reported within a second, also at the gateway, and recovers by itself', async () => {
    proxy.silence();
    try {
      await expectRefusals();
      const startedAt = performance.now();
      const call = await graphCall();
      expect(performance.now() - startedAt).toBeLessThan(NO_HANG_MS);
      expect([call.status, call.body.error.error_data.code, call.body.error.is_transient]).toEqual([
        503,
        'database_unavailable',
        true,
      ]);
      context.clock.advance(10);
      // The client's key has left the cache by now and must be looked up.
      expect((await lease('token')).body.code).toBe('database_unavailable');
    } finally {
      proxy.restore();
    }
    await expectRecovery();
    // The pools replace the connections that the outage broke as they are used.
    await until(async () => {
      const all = Array.from({ length: POOL_SIZE }, () =>
        mainDatabase().transaction((tx) => tx.run({ text: 'SELECT 1' })),
      );
      return (await Promise.allSettled(all)).every(({ status }) => status === 'fulfilled');
    });
  });
});
