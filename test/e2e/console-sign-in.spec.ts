import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { Database } from '../../src/database/database.ts';
import { addSeconds } from '../../src/platform/clock.ts';
import { type ConsoleReplicas, openConsoleReplicas } from '../support/console-replicas.ts';
import { ConsoleBrowser, callWithKey, OWN_ORIGIN, readEntries } from '../support/console-test-context.ts';
import { runMetavaultJson } from '../support/run-metavault.ts';
import { startTestReplica, TEST_ADMIN_KEY } from '../support/test-replica.ts';

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

describe('the sign-in page', () => {
  it('learns the ways to sign in', async () => {
    const response = await request(context.replica.app.getHttpServer()).get('/v1/console/sign-in');
    expect(response.body).toEqual({ methods: { key: true, link: true, oidc: null } });
  });
});

describe('signing in with a key', () => {
  const inSeconds = (seconds: number): string => addSeconds(context.clock.now(), seconds).toISOString();

  it('starts a session in a cookie that no script and no other site can use, on every replica', async () => {
    const browser = new ConsoleBrowser(context.replica);
    const response = await browser.signIn({ key: TEST_ADMIN_KEY });
    expect(response.status).toBe(201);
    expect(response.headers['set-cookie']).toEqual([
      expect.stringMatching(
        /^__Host-metavault_console=mcs_\w{49}; Max-Age=43200; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
      ),
    ]);
    expect(response.headers['cache-control']).toBe('no-store');
    expect(JSON.stringify(response.body)).not.toContain(browser.session);
    const current = await replay(browser.session, context.second);
    expect(current.body).toEqual({
      id: response.body.id,
      name: expect.any(String),
      role: 'admin',
      tenants: ['*'],
      method: 'key',
      signed_in_at: inSeconds(0),
      authenticated_at: inSeconds(0),
      last_seen_at: inSeconds(0),
      expires_at: inSeconds(12 * 3600),
      idle_expires_at: inSeconds(30 * 60),
    });
    const entries = await readEntries(context.database, 'console.signed_in');
    expect(entries.find(({ subject_id: id }) => id === response.body.id)).toMatchObject({
      actor_kind: 'person',
      details: { method: 'key', role: 'admin', person: { session_id: response.body.id } },
    });
  });

  it('is for admins and auditors, whose roles hold in the session', async () => {
    const auditor = await context.makeClient('auditor', { tenants: ['acme'] });
    const browser = await context.signedIn(auditor.key);
    expect((await browser.send('get', CURRENT)).body).toMatchObject({
      role: 'auditor',
      tenants: ['acme'],
      name: 'the auditor',
    });
    expect((await browser.send('get', '/v1/connections')).status).toBe(200);
    const refused = await browser.send('post', '/v1/clients', { name: 'mine', role: 'admin' });
    expect([refused.status, refused.body.code]).toEqual([403, 'forbidden']);
    const entries = await readEntries(context.database, 'access.refused');
    expect(entries.filter(({ actor_id: id }) => id === auditor.id)).toMatchObject([
      { actor_kind: 'person', details: { reason: 'forbidden' } },
    ]);

    const service = await context.makeClient('service');
    const response = await new ConsoleBrowser(context.replica).signIn({ key: service.key });
    expect([response.status, response.body.code, response.headers['set-cookie']]).toEqual([
      401,
      'sign_in_refused',
      undefined,
    ]);
  });

  it('is refused for a wrong key, in the record and within the limit of failed attempts', async () => {
    const other = await startTestReplica({ overrides: { clock: context.clock } });
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
      databaseUrl: context.replica.databaseUrl,
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
    const browser = new ConsoleBrowser(context.replica);
    for (const body of [{}, { key: TEST_ADMIN_KEY, link: 'msl_x' }])
      expect((await browser.send('post', '/v1/console/sessions', body)).body.code).toBe('invalid_request');
  });
});

describe('signing in with a link', () => {
  it('works once', async () => {
    const usedLinks = () =>
      context.database.rows({ text: `SELECT 1 FROM audit_entry WHERE details->>'reason' = 'used_link'` });
    const before = await usedLinks();
    // Only the first refusal in ten minutes gets an entry at once.
    context.clock.advance(601);
    const link = await context.makeLink();
    const browser = new ConsoleBrowser(context.second);
    expect((await browser.signIn({ link })).body).toMatchObject({ role: 'admin', method: 'link' });
    expect((await browser.send('get', '/v1/clients')).status).toBe(200);
    const replayed = await new ConsoleBrowser(context.replica).signIn({ link });
    expect([replayed.status, replayed.body.code, replayed.headers['set-cookie']]).toEqual([
      401,
      'sign_in_refused',
      undefined,
    ]);
    expect(await usedLinks()).toHaveLength(before.length + 1);
    expect(context.log.text()).not.toContain(link);
  });

  it('works once for two browsers at a time', async () => {
    const link = await context.makeLink();
    const responses = await Promise.all(
      [context.replica, context.second].map((on) => new ConsoleBrowser(on).signIn({ link })),
    );
    expect(responses.map(({ status }) => status).sort()).toEqual([201, 401]);
  });

  it('works for ten minutes', async () => {
    const link = await context.makeLink();
    context.clock.advance(601);
    expect((await new ConsoleBrowser(context.replica).signIn({ link })).body.code).toBe('sign_in_refused');
  });

  it('takes no link that somebody wrote into the database', async () => {
    const link = await context.makeLink();
    await context.database.run({ text: `UPDATE console_sign_in_link SET expires_at = expires_at + interval '1 day'` });
    expect((await new ConsoleBrowser(context.replica).signIn({ link })).body.code).toBe('sign_in_refused');
  });

  it('is for admins, and sessions make none', async () => {
    const auditor = await context.makeClient('auditor');
    expect(
      (await callWithKey(context.replica, 'post', '/v1/console/sign-in-links', undefined, auditor.key)).status,
    ).toBe(403);
    const browser = await context.signedIn();
    expect((await browser.send('post', '/v1/console/sign-in-links')).body.code).toBe('forbidden');
  });

  it('works for an operator, who makes it at the command line', async () => {
    const environment = { DATABASE_URL: context.replica.databaseUrl };
    const { url } = await runMetavaultJson<{ url: string }>(environment, 'console', 'sign-in-link');
    expect(url).toMatch(new RegExp(`^${OWN_ORIGIN}/console#sign-in=msl_\\w{49}$`));
    const browser = new ConsoleBrowser(context.replica);
    const response = await browser.signIn({ link: new URL(url).hash.slice('#sign-in='.length) });
    expect(response.body).toMatchObject({ name: 'operator', role: 'admin', tenants: ['*'], method: 'link' });
    expect((await browser.send('get', '/v1/clients')).status).toBe(200);
    expect((await readEntries(context.database, 'console.sign_in_link_created')).at(-1)?.actor_kind).toBe('operator');
  });

  it('ends with the client that made the link', async () => {
    const { id, key } = await context.makeClient();
    const made = await callWithKey(context.replica, 'post', '/v1/console/sign-in-links', undefined, key);
    const browser = new ConsoleBrowser(context.replica);
    await browser.signIn({ link: new URL(made.body.url as string).hash.slice('#sign-in='.length) });
    expect((await browser.send('get', CURRENT)).status).toBe(200);
    await callWithKey(context.replica, 'delete', `/v1/clients/${id}`);
    expect((await browser.send('get', CURRENT)).status).toBe(401);
  });
});
