import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { RetentionService } from '../../src/database/retention.service.ts';
import { type ConsoleReplicas, openConsoleReplicas } from '../support/console-replicas.ts';
import { ConsoleBrowser, callWithKey, OWN_ORIGIN, readEntries } from '../support/console-test-context.ts';
import { TEST_ADMIN_KEY } from '../support/test-replica.ts';

const CURRENT = '/v1/console/sessions/current';
const COOKIE = '__Host-metavault_console';

let context: ConsoleReplicas;

beforeAll(async () => {
  context = await openConsoleReplicas();
});
afterAll(() => context?.close());

/** A call with only a session's cookie, from wherever it was taken. */
const replay = (token: string, on = context.replica) =>
  request(on.app.getHttpServer()).get(CURRENT).set('Cookie', `${COOKIE}=${token}`);

describe('a session by a key', () => {
  it('ends with its client', async () => {
    const { id, key } = await context.makeClient();
    const browser = await context.signedIn(key, context.second);
    await callWithKey(context.replica, 'delete', `/v1/clients/${id}`);
    expect((await browser.send('get', CURRENT)).status).toBe(401);
  });

  it('ends with its key', async () => {
    const { id, key } = await context.makeClient();
    const browser = await context.signedIn(key, context.second);
    await callWithKey(context.replica, 'post', `/v1/clients/${id}/keys`, { grace_seconds: 60 });
    expect((await browser.send('get', CURRENT)).status).toBe(200);
    context.clock.advance(61);
    expect((await browser.send('get', CURRENT)).status).toBe(401);
  });

  it('has the tenants that its client has now', async () => {
    const { id, key } = await context.makeClient('auditor', { tenants: ['acme'] });
    const browser = await context.signedIn(key);
    await callWithKey(context.second, 'patch', `/v1/clients/${id}`, { tenants: ['globex'] });
    expect((await browser.send('get', CURRENT)).body).toMatchObject({ role: 'auditor', tenants: ['globex'] });
  });
});

describe('a session', () => {
  it('ends after half an hour without a request, and after twelve hours with them', async () => {
    const browser = await context.signedIn();
    context.clock.advance(29 * 60);
    expect((await browser.send('get', CURRENT)).status).toBe(200);
    context.clock.advance(29 * 60);
    const { body } = await browser.send('get', CURRENT);
    expect(body.idle_expires_at).toBe(new Date(context.clock.now().getTime() + 30 * 60_000).toISOString());
    context.clock.advance(31 * 60);
    expect((await browser.send('get', CURRENT)).status).toBe(401);

    const busy = await context.signedIn();
    for (let halfHours = 0; halfHours < 25; halfHours++) {
      context.clock.advance(28 * 60);
      expect((await busy.send('get', CURRENT)).status).toBe(200);
    }
    context.clock.advance(21 * 60);
    expect((await busy.send('get', CURRENT)).status).toBe(401);
  });

  it('is new at every sign-in, which ends the one before and takes over none (session fixation)', async () => {
    const browser = await context.signedIn();
    const first = browser.session;
    const planted = new ConsoleBrowser(context.second);
    planted.cookies.set(COOKIE, first);
    const response = await planted.signIn({ key: TEST_ADMIN_KEY });
    expect(planted.session).not.toBe(first);
    expect((await replay(first)).status).toBe(401);
    expect((await replay(planted.session)).body.id).toBe(response.body.id);
  });

  it('ends at the sign-out, on every replica; its cookie, replayed, is refused and recorded', async () => {
    const browser = await context.signedIn();
    const stolen = browser.session;
    const out = await browser.send('delete', CURRENT);
    expect([out.status, out.body]).toEqual([200, { sign_out_url: null }]);
    expect(browser.session).toBe('');
    for (const on of [context.replica, context.second])
      expect((await replay(stolen, on)).body.code).toBe('unauthenticated');
    const [entry] = (await readEntries(context.database, 'access.refused')).filter(
      ({ details }) => details['reason'] === 'ended_session',
    );
    expect(entry).toMatchObject({ actor_kind: 'person', details: { address: expect.any(String) } });
    expect((await readEntries(context.database, 'console.signed_out')).at(-1)).toMatchObject({ actor_kind: 'person' });
  });

  it('is listed and ended by its owner, and by admins', async () => {
    const auditor = await context.makeClient('auditor');
    const mine = await context.signedIn(auditor.key);
    const { id } = (await mine.send('get', CURRENT)).body;
    expect((await mine.send('get', '/v1/console/sessions')).body.data.map((each: { id: string }) => each.id)).toEqual([
      id,
    ]);
    const admin = await context.signedIn();
    const { id: adminId } = (await admin.send('get', CURRENT)).body;
    const all = (await admin.send('get', '/v1/console/sessions?limit=200')).body.data.map(
      (each: { id: string }) => each.id,
    );
    expect(all).toEqual(expect.arrayContaining([id, adminId]));
    expect((await mine.send('delete', `/v1/console/sessions/${adminId}`)).body.code).toBe('console_session_not_found');
    expect((await admin.send('delete', `/v1/console/sessions/${id}`)).status).toBe(204);
    expect((await admin.send('delete', `/v1/console/sessions/${id}`)).status).toBe(204);
    expect((await mine.send('get', CURRENT)).status).toBe(401);
    expect((await readEntries(context.database, 'console.session_ended')).at(-1)).toMatchObject({
      actor_kind: 'person',
      subject_id: id,
    });
  });

  it('is nothing that a database can make or prolong', async () => {
    const { id, key } = await context.makeClient('auditor');
    const browser = await context.signedIn(key);
    const { id: sessionId } = (await browser.send('get', CURRENT)).body;
    await context.database.run({
      text: `UPDATE console_session SET client_id = NULL, role = 'admin' WHERE id = $1`,
      values: [sessionId],
    });
    expect((await browser.send('get', CURRENT)).status).toBe(401);
    await context.database.run({
      text: `UPDATE console_session SET client_id = $2, role = 'auditor' WHERE id = $1`,
      values: [sessionId, id],
    });
    expect((await browser.send('get', CURRENT)).status).toBe(200);
    context.clock.advance(31 * 60);
    await context.database.run({
      text: `UPDATE console_session SET last_seen_at = $2 WHERE id = $1`,
      values: [sessionId, context.clock.now()],
    });
    expect((await browser.send('get', CURRENT)).status).toBe(401);
  });

  it('is deleted after the retention', async () => {
    await context.makeLink();
    // Links that the command line makes carry the real time.
    context.clock.advance(60 * 24 * 3600);
    await context.replica.app.get(RetentionService).run(() => false);
    const [left] = await context.database.rows<{ sessions: number; links: number }>({
      text: `SELECT (SELECT count(*)::int FROM console_session) AS sessions, (SELECT count(*)::int FROM console_sign_in_link) AS links`,
    });
    expect(left).toEqual({ sessions: 0, links: 0 });
  });
});

describe('a request with a session', () => {
  it('changes nothing unless it comes from our own pages', async () => {
    const browser = await context.signedIn();
    const send = (headers: Record<string, string>) =>
      request(context.replica.app.getHttpServer())
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
    const link = await context.makeLink();
    const server = context.replica.app.getHttpServer();
    for (const body of [{ link }, { key: TEST_ADMIN_KEY }]) {
      const response = await request(server)
        .post('/v1/console/sessions')
        .set('Origin', 'https://evil.example')
        .send(body);
      expect([response.body.code, response.headers['set-cookie']]).toEqual(['origin_not_allowed', undefined]);
    }
    expect((await new ConsoleBrowser(context.replica).signIn({ link })).status).toBe(201);
  });

  it('names the person in the record of what it changes', async () => {
    const browser = await context.signedIn();
    const { id, name } = (await browser.send('get', CURRENT)).body;
    const made = await browser.send('post', '/v1/clients', { name: 'by a person', role: 'auditor' });
    const entries = await readEntries(context.database, 'client.created');
    expect(entries.find(({ subject_id: subject }) => subject === made.body.id)).toMatchObject({
      actor_kind: 'person',
      details: { person: { name, session_id: id } },
    });
  });

  it('goes by its key, if it has one, too', async () => {
    const auditor = await context.makeClient('auditor');
    const browser = await context.signedIn();
    const response = await browser.send('get', '/v1/clients', undefined, { Authorization: `Bearer ${auditor.key}` });
    expect(response.status).toBe(403);
  });

  it('gets no lease', async () => {
    const browser = await context.signedIn();
    const response = await browser.send('post', '/v1/leases', { tenant: 'acme', product: 'pages' });
    expect([response.status, response.body.code]).toEqual([403, 'forbidden']);
  });
});
