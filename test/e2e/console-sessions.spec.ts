import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { Database } from '../../src/database/database.ts';
import { RetentionService } from '../../src/database/retention.service.ts';
import { ConsoleBrowser, callWithKey, OWN_ORIGIN, readEntries } from '../support/console-test-context.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { runMetavaultJson } from '../support/run-metavault.ts';
import { captureLog, startTestReplica, TEST_ADMIN_KEY, type TestReplica } from '../support/test-replica.ts';

const CURRENT = '/v1/console/sessions/current';
const COOKIE = '__Host-metavault_console';

const clock = new FakeClock();
const log = captureLog();
let replica: TestReplica;
let second: TestReplica;
let database: Database;

beforeAll(async () => {
  replica = await startTestReplica({ overrides: { clock, logger: log.logger } });
  second = await startTestReplica({ databaseUrl: replica.databaseUrl, overrides: { clock, logger: log.logger } });
  database = replica.app.get(Database);
});
afterAll(async () => {
  await second?.close();
  await replica?.close();
});

interface Client {
  id: string;
  key: string;
}

async function makeClient(role = 'admin', policy: object = {}): Promise<Client> {
  const scope = role === 'service' ? { tenants: ['acme'], products: ['*'] } : {};
  const response = await callWithKey(replica, 'post', '/v1/clients', {
    name: `the ${role}`,
    role,
    ...scope,
    ...policy,
  });
  expect(response.status).toBe(201);
  return { id: response.body.id as string, key: response.body.api_key as string };
}

async function signedIn(key = TEST_ADMIN_KEY, on = replica): Promise<ConsoleBrowser> {
  const browser = new ConsoleBrowser(on);
  expect((await browser.signIn({ key })).status).toBe(201);
  return browser;
}

async function makeLink(): Promise<string> {
  const response = await callWithKey(replica, 'post', '/v1/console/sign-in-links');
  expect(response.status).toBe(201);
  return new URL(response.body.url as string).hash.slice('#sign-in='.length);
}

/** A call with only a session's cookie, from wherever it was taken. */
const replay = (token: string, on = replica) =>
  request(on.app.getHttpServer()).get(CURRENT).set('Cookie', `${COOKIE}=${token}`);

describe('the sign-in page', () => {
  it('learns the ways to sign in', async () => {
    const response = await request(replica.app.getHttpServer()).get('/v1/console/sign-in');
    expect(response.body).toEqual({ methods: { key: true, link: true, oidc: null } });
  });
});

describe('signing in with a key', () => {
  it('starts a session in a cookie that no script and no other site can use, on every replica', async () => {
    const browser = new ConsoleBrowser(replica);
    const response = await browser.signIn({ key: TEST_ADMIN_KEY });
    expect(response.status).toBe(201);
    expect(response.headers['set-cookie']).toEqual([
      expect.stringMatching(
        /^__Host-metavault_console=mcs_\w{49}; Max-Age=43200; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
      ),
    ]);
    expect(response.headers['cache-control']).toBe('no-store');
    expect(JSON.stringify(response.body)).not.toContain(browser.session);
    const current = await replay(browser.session, second);
    expect(current.body).toEqual({
      id: response.body.id,
      name: expect.any(String),
      role: 'admin',
      tenants: ['*'],
      method: 'key',
      signed_in_at: '2026-11-22T12:00:00.000Z',
      authenticated_at: '2026-11-22T12:00:00.000Z',
      last_seen_at: '2026-11-22T12:00:00.000Z',
      expires_at: '2026-11-23T00:00:00.000Z',
      idle_expires_at: '2026-11-22T12:30:00.000Z',
    });
    const entries = await readEntries(database, 'console.signed_in');
    expect(entries.at(-1)).toMatchObject({
      actor_kind: 'person',
      subject_id: response.body.id,
      details: { method: 'key', role: 'admin', person: { session_id: response.body.id } },
    });
  });

  it('is for admins and auditors, whose roles hold in the session', async () => {
    const auditor = await makeClient('auditor', { tenants: ['acme'] });
    const browser = await signedIn(auditor.key);
    expect((await browser.send('get', CURRENT)).body).toMatchObject({
      role: 'auditor',
      tenants: ['acme'],
      name: 'the auditor',
    });
    expect((await browser.send('get', '/v1/connections')).status).toBe(200);
    const refused = await browser.send('post', '/v1/clients', { name: 'mine', role: 'admin' });
    expect([refused.status, refused.body.code]).toEqual([403, 'forbidden']);
    const entries = await readEntries(database, 'access.refused');
    expect(entries.at(-1)).toMatchObject({
      actor_kind: 'person',
      actor_id: auditor.id,
      details: { reason: 'forbidden' },
    });

    const service = await makeClient('service');
    const response = await new ConsoleBrowser(replica).signIn({ key: service.key });
    expect([response.status, response.body.code, response.headers['set-cookie']]).toEqual([
      401,
      'sign_in_refused',
      undefined,
    ]);
  });

  it('is refused for a wrong key, in the record and within the limit of failed attempts', async () => {
    const other = await startTestReplica({ overrides: { clock } });
    try {
      const browser = new ConsoleBrowser(other);
      const refused = await browser.signIn({ key: 'not-the-key-of-anybody-0123456789abcdef' });
      expect([refused.status, refused.body.code]).toEqual([401, 'sign_in_refused']);
      expect(await readEntries(other.app.get(Database), 'access.refused')).toEqual([
        expect.objectContaining({ details: expect.objectContaining({ reason: 'unknown_key' }) }),
      ]);
      for (let count = 0; count < 9; count++) await browser.signIn({ key: 'not-the-key-of-anybody-0123456789abcdef' });
      expect((await browser.signIn({ key: 'not-the-key-of-anybody-0123456789abcdef' })).body.code).toBe(
        'too_many_attempts',
      );
      expect((await browser.signIn({ key: TEST_ADMIN_KEY })).status).toBe(201);
    } finally {
      await other.close();
    }
  });

  it('can be switched off', async () => {
    const other = await startTestReplica({
      environment: { CONSOLE_KEY_SIGN_IN: 'false' },
      databaseUrl: replica.databaseUrl,
    });
    try {
      const response = await new ConsoleBrowser(other).signIn({ key: TEST_ADMIN_KEY });
      expect([response.status, response.body.code]).toEqual([403, 'sign_in_method_disabled']);
      const options = await request(other.app.getHttpServer()).get('/v1/console/sign-in');
      expect(options.body.methods.key).toBe(false);
    } finally {
      await other.close();
    }
  });

  it('takes a key or a link, not both', async () => {
    const browser = new ConsoleBrowser(replica);
    for (const body of [{}, { key: TEST_ADMIN_KEY, link: 'msl_x' }])
      expect((await browser.send('post', '/v1/console/sessions', body)).body.code).toBe('invalid_request');
  });
});

describe('a session by a key', () => {
  it('ends with its client', async () => {
    const { id, key } = await makeClient();
    const browser = await signedIn(key, second);
    await callWithKey(replica, 'delete', `/v1/clients/${id}`);
    expect((await browser.send('get', CURRENT)).status).toBe(401);
  });

  it('ends with its key', async () => {
    const { id, key } = await makeClient();
    const browser = await signedIn(key, second);
    await callWithKey(replica, 'post', `/v1/clients/${id}/keys`, { grace_seconds: 60 });
    expect((await browser.send('get', CURRENT)).status).toBe(200);
    clock.advance(61);
    expect((await browser.send('get', CURRENT)).status).toBe(401);
  });

  it('has the tenants that its client has now', async () => {
    const { id, key } = await makeClient('auditor', { tenants: ['acme'] });
    const browser = await signedIn(key);
    await callWithKey(second, 'patch', `/v1/clients/${id}`, { tenants: ['globex'] });
    expect((await browser.send('get', CURRENT)).body).toMatchObject({ role: 'auditor', tenants: ['globex'] });
  });
});

describe('signing in with a link', () => {
  it('works once', async () => {
    const usedLinks = () => database.rows({ text: `SELECT 1 FROM audit_entry WHERE details->>'reason' = 'used_link'` });
    const before = await usedLinks();
    // Of the refusals of ten minutes, the first has an entry at once.
    clock.advance(601);
    const link = await makeLink();
    const browser = new ConsoleBrowser(second);
    expect((await browser.signIn({ link })).body).toMatchObject({ role: 'admin', method: 'link' });
    expect((await browser.send('get', '/v1/clients')).status).toBe(200);
    const replayed = await new ConsoleBrowser(replica).signIn({ link });
    expect([replayed.status, replayed.body.code, replayed.headers['set-cookie']]).toEqual([
      401,
      'sign_in_refused',
      undefined,
    ]);
    expect(await usedLinks()).toHaveLength(before.length + 1);
    expect(log.text()).not.toContain(link);
  });

  it('works once for two browsers at a time', async () => {
    const link = await makeLink();
    const responses = await Promise.all([replica, second].map((on) => new ConsoleBrowser(on).signIn({ link })));
    expect(responses.map(({ status }) => status).sort()).toEqual([201, 401]);
  });

  it('works for ten minutes', async () => {
    const link = await makeLink();
    clock.advance(601);
    expect((await new ConsoleBrowser(replica).signIn({ link })).body.code).toBe('sign_in_refused');
  });

  it('takes no link that somebody wrote into the database', async () => {
    const link = await makeLink();
    await database.run({ text: `UPDATE console_sign_in_link SET expires_at = expires_at + interval '1 day'` });
    expect((await new ConsoleBrowser(replica).signIn({ link })).body.code).toBe('sign_in_refused');
  });

  it('is for admins, and sessions make none', async () => {
    const auditor = await makeClient('auditor');
    expect((await callWithKey(replica, 'post', '/v1/console/sign-in-links', undefined, auditor.key)).status).toBe(403);
    const browser = await signedIn();
    expect((await browser.send('post', '/v1/console/sign-in-links')).body.code).toBe('forbidden');
  });

  it('works for an operator, who makes it at the command line', async () => {
    const environment = { DATABASE_URL: replica.databaseUrl };
    const { url } = await runMetavaultJson<{ url: string }>(environment, 'console', 'sign-in-link');
    expect(url).toMatch(new RegExp(`^${OWN_ORIGIN}/console#sign-in=msl_\\w{49}$`));
    const browser = new ConsoleBrowser(replica);
    const response = await browser.signIn({ link: new URL(url).hash.slice('#sign-in='.length) });
    expect(response.body).toMatchObject({ name: 'operator', role: 'admin', tenants: ['*'], method: 'link' });
    expect((await browser.send('get', '/v1/clients')).status).toBe(200);
    expect((await readEntries(database, 'console.sign_in_link_created')).at(-1)?.actor_kind).toBe('operator');
  });

  it('ends with the client that made the link', async () => {
    const { id, key } = await makeClient();
    const made = await callWithKey(replica, 'post', '/v1/console/sign-in-links', undefined, key);
    const browser = new ConsoleBrowser(replica);
    await browser.signIn({ link: new URL(made.body.url as string).hash.slice('#sign-in='.length) });
    expect((await browser.send('get', CURRENT)).status).toBe(200);
    await callWithKey(replica, 'delete', `/v1/clients/${id}`);
    expect((await browser.send('get', CURRENT)).status).toBe(401);
  });
});

describe('a session', () => {
  it('ends after half an hour without a request, and after twelve hours with them', async () => {
    const browser = await signedIn();
    clock.advance(29 * 60);
    expect((await browser.send('get', CURRENT)).status).toBe(200);
    clock.advance(29 * 60);
    const { body } = await browser.send('get', CURRENT);
    expect(body.idle_expires_at).toBe(new Date(clock.now().getTime() + 30 * 60_000).toISOString());
    clock.advance(31 * 60);
    expect((await browser.send('get', CURRENT)).status).toBe(401);

    const busy = await signedIn();
    for (let halfHours = 0; halfHours < 25; halfHours++) {
      clock.advance(28 * 60);
      expect((await busy.send('get', CURRENT)).status).toBe(200);
    }
    clock.advance(21 * 60);
    expect((await busy.send('get', CURRENT)).status).toBe(401);
  });

  it('is new at every sign-in, which ends the one before and takes over none (session fixation)', async () => {
    const browser = await signedIn();
    const first = browser.session;
    const planted = new ConsoleBrowser(second);
    planted.cookies.set(COOKIE, first);
    const response = await planted.signIn({ key: TEST_ADMIN_KEY });
    expect(planted.session).not.toBe(first);
    expect((await replay(first)).status).toBe(401);
    expect((await replay(planted.session)).body.id).toBe(response.body.id);
  });

  it('ends at the sign-out, on every replica; its cookie, replayed, is refused and recorded', async () => {
    const browser = await signedIn();
    const stolen = browser.session;
    const out = await browser.send('delete', CURRENT);
    expect([out.status, out.body]).toEqual([200, { sign_out_url: null }]);
    expect(browser.session).toBe('');
    for (const on of [replica, second]) expect((await replay(stolen, on)).body.code).toBe('unauthenticated');
    const [entry] = (await readEntries(database, 'access.refused')).filter(
      ({ details }) => details['reason'] === 'ended_session',
    );
    expect(entry).toMatchObject({ actor_kind: 'person', details: { address: expect.any(String) } });
    expect((await readEntries(database, 'console.signed_out')).at(-1)).toMatchObject({ actor_kind: 'person' });
  });

  it('is listed and ended by its owner, and by admins', async () => {
    const auditor = await makeClient('auditor');
    const mine = await signedIn(auditor.key);
    const { id } = (await mine.send('get', CURRENT)).body;
    expect((await mine.send('get', '/v1/console/sessions')).body.data.map((each: { id: string }) => each.id)).toEqual([
      id,
    ]);
    const admin = await signedIn();
    const { id: adminId } = (await admin.send('get', CURRENT)).body;
    const all = (await admin.send('get', '/v1/console/sessions?limit=200')).body.data.map(
      (each: { id: string }) => each.id,
    );
    expect(all).toEqual(expect.arrayContaining([id, adminId]));
    expect((await mine.send('delete', `/v1/console/sessions/${adminId}`)).body.code).toBe('console_session_not_found');
    expect((await admin.send('delete', `/v1/console/sessions/${id}`)).status).toBe(204);
    expect((await admin.send('delete', `/v1/console/sessions/${id}`)).status).toBe(204);
    expect((await mine.send('get', CURRENT)).status).toBe(401);
    expect((await readEntries(database, 'console.session_ended')).at(-1)).toMatchObject({
      actor_kind: 'person',
      subject_id: id,
    });
  });

  it('is nothing that a database can make or prolong', async () => {
    const { id, key } = await makeClient('auditor');
    const browser = await signedIn(key);
    const { id: sessionId } = (await browser.send('get', CURRENT)).body;
    await database.run({
      text: `UPDATE console_session SET client_id = NULL, role = 'admin' WHERE id = $1`,
      values: [sessionId],
    });
    expect((await browser.send('get', CURRENT)).status).toBe(401);
    await database.run({
      text: `UPDATE console_session SET client_id = $2, role = 'auditor' WHERE id = $1`,
      values: [sessionId, id],
    });
    expect((await browser.send('get', CURRENT)).status).toBe(200);
    clock.advance(31 * 60);
    await database.run({
      text: `UPDATE console_session SET last_seen_at = $2 WHERE id = $1`,
      values: [sessionId, clock.now()],
    });
    expect((await browser.send('get', CURRENT)).status).toBe(401);
  });

  it('is deleted after the retention', async () => {
    await makeLink();
    // The links of the command line go by the real clock.
    clock.advance(60 * 24 * 3600);
    await replica.app.get(RetentionService).run(() => false);
    const [left] = await database.rows<{ sessions: number; links: number }>({
      text: `SELECT (SELECT count(*)::int FROM console_session) AS sessions, (SELECT count(*)::int FROM console_sign_in_link) AS links`,
    });
    expect(left).toEqual({ sessions: 0, links: 0 });
  });
});

describe('a request with a session', () => {
  it('changes nothing unless it comes from our own pages', async () => {
    const browser = await signedIn();
    const send = (headers: Record<string, string>) =>
      request(replica.app.getHttpServer())
        .post('/v1/clients')
        .set({ Cookie: `${COOKIE}=${browser.session}`, ...headers })
        .send({ name: 'forged', role: 'admin' });
    const foreign = [
      {},
      { Origin: 'https://evil.example' },
      { Origin: 'null' },
      { Origin: 'http://localhost:3001' },
      { Origin: 'https://localhost:3000' },
      { Origin: 'http://evil.example', Host: 'evil.example' },
    ];
    for (const headers of foreign)
      expect((await send(headers)).body).toMatchObject({ status: 403, code: 'origin_not_allowed' });
    const list = await browser.send('get', '/v1/clients?limit=200');
    expect(list.body.data.filter(({ name }: { name: string }) => name === 'forged')).toEqual([]);
    expect((await send({ Origin: OWN_ORIGIN })).status).toBe(201);
    expect((await send({ Origin: 'http://127.0.0.1:4123', Host: '127.0.0.1:4123' })).status).toBe(201);
  });

  it('signs in only from our own pages', async () => {
    const link = await makeLink();
    const server = replica.app.getHttpServer();
    for (const body of [{ link }, { key: TEST_ADMIN_KEY }]) {
      const response = await request(server)
        .post('/v1/console/sessions')
        .set('Origin', 'https://evil.example')
        .send(body);
      expect([response.body.code, response.headers['set-cookie']]).toEqual(['origin_not_allowed', undefined]);
    }
    expect((await new ConsoleBrowser(replica).signIn({ link })).status).toBe(201);
  });

  it('names the person in the record of what it changes', async () => {
    const browser = await signedIn();
    const { id, name } = (await browser.send('get', CURRENT)).body;
    const made = await browser.send('post', '/v1/clients', { name: 'by a person', role: 'auditor' });
    const entries = await readEntries(database, 'client.created');
    expect(entries.find(({ subject_id: subject }) => subject === made.body.id)).toMatchObject({
      actor_kind: 'person',
      details: { person: { name, session_id: id } },
    });
  });

  it('goes by its key, if it has one, too', async () => {
    const auditor = await makeClient('auditor');
    const browser = await signedIn();
    const response = await browser.send('get', '/v1/clients', undefined, { Authorization: `Bearer ${auditor.key}` });
    expect(response.status).toBe(403);
  });

  it('gets no lease', async () => {
    const browser = await signedIn();
    const response = await browser.send('post', '/v1/leases', { tenant: 'acme', product: 'pages' });
    expect([response.status, response.body.code]).toEqual([403, 'forbidden']);
  });
});
