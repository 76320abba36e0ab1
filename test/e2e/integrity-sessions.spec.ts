import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import request from 'supertest';
import { AuthorizationResumeJob } from '../../src/connect/authorization/authorization-resume.job.ts';
import {
  api,
  browseToCallback,
  type ConnectSessionBody,
  type ConnectTestContext,
  completeConnect,
  connectionAt,
  createSession,
  openConnectTestContext,
  RETURN_ORIGIN,
  TestBrowser,
} from '../support/connect-test-context.ts';
import { type FreshDatabase, freshDatabase } from '../support/fresh-database.ts';
import type { TestReplica } from '../support/test-replica.ts';
import { until } from '../support/until.ts';

const PAGE = { Accept: 'text/html' };

let database: FreshDatabase;
let context: ConnectTestContext;
let other: TestReplica;
/** Somebody with write access to the database, but no key. */
let attacker: pg.Client;

beforeAll(async () => {
  database = await freshDatabase();
  context = await openConnectTestContext({ databaseUrl: database.url });
  other = await context.startAnotherReplica();
  attacker = new pg.Client({ connectionString: database.url });
  await attacker.connect();
});
afterAll(async () => {
  await attacker?.end();
  await context?.close();
  await database?.drop();
});

const setColumns = (session: ConnectSessionBody, columns: string, ...values: unknown[]) =>
  attacker.query(`UPDATE connect_session SET ${columns} WHERE id = $1`, [session.id, ...values]);

async function failures({ app }: TestReplica): Promise<number> {
  const { text } = await request(app.getHttpServer()).get('/metrics');
  return Number(/^metavault_integrity_failures_total\{table="connect_session"\} (\d+)$/m.exec(text)?.[1] ?? 0);
}

async function connections(): Promise<unknown[]> {
  return (await attacker.query('SELECT id FROM connection')).rows;
}

/** What a browser sees, without what differs each time. */
function toPage(response: request.Response | undefined): unknown[] {
  const text = response?.text.replace(/req_\w+/g, '').replace(/[\w-]{43}/g, '');
  return [response?.status, response?.headers['location'], text];
}

/** Its link behaves like an unknown one, its id is absent, and the metric counts it, on both replicas. */
async function expectAbsent(session: ConnectSessionBody): Promise<void> {
  const unknown = session.connect_url.replace(/.{43}$/, 'A'.repeat(43));
  for (const replica of [context.replica, other]) {
    const before = await failures(replica);
    for (const path of ['', '/dialog', '/signup']) {
      const [forged, absent] = await Promise.all(
        [session.connect_url, unknown].map((url) => new TestBrowser({ replica }).get(url + path, PAGE)),
      );
      expect(toPage(forged)).toEqual(toPage(absent));
    }
    const call = api({ replica });
    expect((await call.get(`/v1/connect-sessions/${session.id}`)).body.code).toBe('not_found');
    const completed = await call.post(`/v1/connect-sessions/${session.id}/complete`, { code: 'code' });
    expect([completed.status, completed.body.code]).toEqual([404, 'not_found']);
    expect(await failures(replica)).toBe(before + 5);
  }
}

describe('a connect session tampered with in the database', () => {
  it.each([
    ['its tenant', `tenant = 'evil'`],
    ['the final redirect', `return_url = 'https://evil.example/'`],
    ['its end', `expires_at = expires_at + interval '1 year'`],
    ['the expected account', 'expected = NULL'],
    ['another account', `expected = '{"meta_user_id": "666"}'`],
    ['the confirmation page', 'confirm = false'],
    ['the name of the tenant', `tenant_name = 'Your bank'`],
    ['the requested scopes', `scopes = scopes || '{ads_management}'`],
    ['the client', `client_id = 'cli_evil'`],
    ['the product', `product = 'ads'`],
    ['its MAC', 'mac = NULL'],
    ['a forged MAC', `mac = decode('000102030405060708090a0b0c0d0e0f', 'hex')`],
  ])('by changing %s is absent, and looks like an unknown one', async (_, columns) => {
    const session = await createSession(context, {
      confirm: true,
      tenant_name: 'Acme',
      expected: { meta_user_id: '1', business_id: '2' },
    });
    await setColumns(session, columns);
    await expectAbsent(session);
    const entries = await until(
      async () => (await api(context).get('/v1/audit?action=integrity.row_refused&limit=200')).body.data,
      (found: { subject_id: string }[]) => found.some(({ subject_id: id }) => id === session.id),
    );
    expect(entries).toContainEqual(expect.objectContaining({ details: { table: 'connect_session' } }));
  });

  it('while its user is in the dialog connects nothing, and accepts no code', async () => {
    const { session, browser, callback } = await browseToCallback(context);
    const before = await connections();
    await setColumns(session, `tenant = 'evil', return_url = 'https://evil.example/'`);
    const end = await browser.get(callback, PAGE);
    expect([end.status, end.headers['location']]).toEqual([400, undefined]);
    expect(end.text).not.toContain('evil');
    expect(await connections()).toEqual(before);
    await setColumns(session, `tenant = 'acme', return_url = $2`, `${RETURN_ORIGIN}/done`);
    expect((await browser.get(callback)).headers['location']).toContain('status=connected');
  });

  it("is not opened with another link's hash", async () => {
    const [mine, theirs] = [await createSession(context, { tenant: 'evil' }), await createSession(context)];
    const { rows } = await attacker.query('SELECT token_hash FROM connect_session WHERE id = $1', [mine.id]);
    await attacker.query('DELETE FROM connect_session WHERE id = $1', [mine.id]);
    await setColumns(theirs, 'token_hash = $2', rows[0].token_hash);
    expect((await new TestBrowser(context).get(mine.connect_url, PAGE)).status).toBe(
      (await new TestBrowser(context).get(theirs.connect_url, PAGE)).status,
    );
    expect((await api(context).get(`/v1/connect-sessions/${theirs.id}`)).status).toBe(404);
  });

  it('names no connection but its own, and is not opened again', async () => {
    const theirs = await connectionAt(context, await completeConnect(context, { tenant: 'victim' }));
    const open = await createSession(context, { tenant: 'evil' });
    await setColumns(open, 'connection_id = $2, closed_at = now()', theirs.id);
    expect((await api(context).get(`/v1/connect-sessions/${open.id}`)).status).toBe(404);
    const { session, browser, callback } = await browseToCallback(context);
    await browser.get(callback);
    expect((await api(context).get(`/v1/connect-sessions/${session.id}`)).body.status).toBe('connected');
    await setColumns(session, 'connection_id = NULL, closed_at = NULL');
    expect((await new TestBrowser(context).get(session.connect_url, PAGE)).headers['location']).toBeUndefined();
    expect((await api(context).get(`/v1/connect-sessions/${session.id}`)).status).toBe(404);
  });

  it('is not the result of an authorization in progress that belongs to another tenant', async () => {
    const theirs = await createSession(context, { tenant: 'victim' });
    const { session, browser, callback } = await browseToCallback(context);
    const away = { kind: 'status', status: 503 } as const;
    const fault = context.sandbox.state.faults.add({ fault: away, match: { pathPattern: 'debug_token' } });
    expect((await browser.get(callback)).headers['location']).toContain('error=meta_unavailable');
    context.sandbox.state.faults.clear(fault.id);
    await attacker.query('UPDATE pending_authorization SET session_id = $1 WHERE session_id = $2', [
      theirs.id,
      session.id,
    ]);
    const before = await connections();
    context.clock.advance(700);
    await context.replica.app.get(AuthorizationResumeJob).resumeDue();
    expect(await connections()).toEqual(before);
    const { rows } = await attacker.query('SELECT connection_id FROM connect_session WHERE id = $1', [theirs.id]);
    expect(rows).toEqual([{ connection_id: null }]);
  });
});

describe('a connect session forged in the database', () => {
  it('is absent', async () => {
    const session = await createSession(context);
    await attacker.query(
      `INSERT INTO connect_session (id, token_hash, tenant, product, flow, scopes, client_id, created_at, expires_at, mac)
        SELECT 'cns_0000000000000000000000000000', sha256('x'), tenant, product, flow, scopes, client_id, created_at, expires_at, mac
        FROM connect_session WHERE id = $1`,
      [session.id],
    );
    expect((await api(context).get('/v1/connect-sessions/cns_0000000000000000000000000000')).status).toBe(404);
  });
});
