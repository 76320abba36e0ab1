import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { SYSTEM } from '../../src/audit/actor.ts';
import { ConnectionRevoker } from '../../src/connections/revocation/connection-revoker.ts';
import { Database } from '../../src/database/database.ts';
import {
  browseToCallback,
  type ConnectTestContext,
  completeConnect,
  completeDialog,
  connectionAt,
  countCodeExchanges,
  createSession,
  openConnectTestContext,
  RETURN_ORIGIN,
  TestBrowser,
} from '../support/connect-test-context.ts';

describe('connecting through Facebook Login', () => {
  let context: ConnectTestContext;
  beforeAll(async () => {
    context = await openConnectTestContext();
  });
  afterAll(() => context.close());

  const view = (end: URL) => connectionAt(context, end);
  const rows = <R extends Record<string, unknown>>(text: string, values: unknown[] = []) =>
    context.replica.app.get(Database).rows<R>({ text, values });
  const approved = (...way: [body?: Record<string, unknown>, choice?: Parameters<typeof completeDialog>[1]]) =>
    browseToCallback(context, ...way);
  const errorOf = (response: request.Response): string | null =>
    new URL(String(response.headers['location'])).searchParams.get('error');

  it('ends at the return_url, keeping its query', async () => {
    const { session, browser, dialog, callback } = await approved({ return_url: `${RETURN_ORIGIN}/done?a=1&b=%20` });
    expect(session.id).toMatch(/^cns_/);
    const now = context.clock.now().getTime();
    expect(session.expires_at).toBe(new Date(now + 600_000).toISOString());
    expect(dialog.searchParams.get('redirect_uri')).toBe('http://localhost:3000/oauth/meta/callback');
    expect(dialog.searchParams.get('state')).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const before = countCodeExchanges(context);
    const response = await browser.get(callback);
    expect(response.status).toBe(302);
    const location = String(response.headers['location']);
    expect(location).toMatch(
      /^https:\/\/app\.example\/done\?a=1&b=%20&status=connected&connection_id=con_[0-9a-z]{26}$/,
    );
    expect(countCodeExchanges(context)).toBe(before + 1);
    const connection = await view(new URL(location));
    expect(connection).toMatchObject({
      status: 'active',
      status_reason: null,
      tenant: 'acme',
      product: 'pages',
      declined_scopes: [],
    });
    const [root, ...pages] = connection.credentials;
    // Long-lived, though the code gave a token of 90 minutes.
    expect(root).toMatchObject({ kind: 'user', expires_at: new Date(now + 5_183_944_000).toISOString() });
    expect(pages.map((page) => [page.kind, page.expires_at])).toEqual(Array(3).fill(['page', null]));
    expect(connection.assets.map((asset) => asset.type)).toEqual(['page', 'page', 'page']);
    expect(connection.assets.every((asset) => asset.credential_id !== root?.id)).toBe(true);
    expect(await rows('SELECT id FROM pending_authorization')).toEqual([]);
  });

  it('binds the browser with a cookie hidden from scripts and other sites', async () => {
    const session = await createSession(context);
    const { pathname } = new URL(session.connect_url);
    const response = await request(context.replica.app.getHttpServer()).get(pathname);
    expect(response.headers['cache-control']).toBe('no-store');
    expect(String(response.headers['set-cookie'])).toMatch(
      /^metavault_connect_[0-9a-f]{16}=[A-Za-z0-9_.-]{100,160}; Path=\/; Max-Age=3600; HttpOnly; SameSite=Lax$/,
    );
  });

  it('shows a page if there is no return_url, and JSON on request', async () => {
    const { browser, callback } = await approved({ return_url: undefined });
    const left = await browser.get(callback);
    expect([left.status, left.headers['cache-control']]).toEqual([303, 'no-store']);
    const end = String(left.headers['location']);
    // Neither code nor state, nor the link's token.
    expect(end).toMatch(/^http:\/\/localhost:3000\/connect\/cns_[0-9a-z]{26}\/done\?attempt=[0-9a-f]{16}$/);
    const shown = await browser.get(end);
    expect([shown.status, shown.type]).toEqual([200, 'text/html']);
    expect(shown.text).toContain('Connected');
    expect((await browser.get(end)).text).toBe(shown.text);
    const stranger = await new TestBrowser(context).get(end);
    expect([stranger.status, stranger.text.includes('state_mismatch')]).toEqual([400, true]);
    const reported = await browser.get(callback, { Accept: 'application/json' });
    expect(reported.body).toMatchObject({ status: 'connected' });
  });

  it('returns the same result for a second delivery, and exchanges nothing', async () => {
    const { browser, callback } = await approved();
    const before = countCodeExchanges(context);
    const first = await browser.get(callback);
    const second = await browser.get(callback);
    expect(first.headers['location']).toContain('status=connected');
    expect(second.headers['location']).toBe(first.headers['location']);
    expect(countCodeExchanges(context)).toBe(before + 1);
  });

  it('returns the same result for simultaneous deliveries', async () => {
    const { browser, callback } = await approved();
    const before = countCodeExchanges(context);
    context.sandbox.state.faults.add({
      match: { pathPattern: 'oauth/access_token' },
      times: 1,
      fault: { kind: 'delay', delayMs: 400 },
    });
    const responses = await Promise.all([1, 2, 3, 4].map(() => browser.get(callback)));
    const ends = new Set(responses.map((response) => response.headers['location']));
    expect(ends.size).toBe(1);
    expect([...ends][0]).toContain('status=connected');
    expect(countCodeExchanges(context)).toBe(before + 1);
  });

  it('lets link scanners look without harm', async () => {
    const session = await createSession(context);
    const { pathname } = new URL(session.connect_url);
    const server = context.replica.app.getHttpServer();
    const count = async () => (await rows('SELECT 1 FROM connect_attempt WHERE session_id = $1', [session.id])).length;
    const looked = await request(server).head(pathname);
    expect([looked.status, looked.headers['set-cookie'], looked.headers['location']]).toEqual([
      200,
      undefined,
      undefined,
    ]);
    expect(await count()).toBe(0);
    const browser = new TestBrowser(context);
    const dialog = await browser.open(session.connect_url);
    for (let scan = 0; scan < 5; scan++) await new TestBrowser(context).open(session.connect_url);
    const response = await browser.get(await completeDialog(dialog));
    expect(response.headers['location']).toContain('status=connected');
  });

  it('does not consume a state for HEAD', async () => {
    const { browser, callback } = await approved();
    const { pathname, search } = new URL(callback);
    const looked = await request(context.replica.app.getHttpServer())
      .head(pathname + search)
      .set('Cookie', browser.cookieHeader);
    expect(looked.status).toBe(200);
    expect((await browser.get(callback)).headers['location']).toContain('status=connected');
  });

  describe('refuses', () => {
    it('a state in another browser, and sends it nowhere', async () => {
      const { browser, callback, session } = await approved();
      const before = countCodeExchanges(context);
      const other = new TestBrowser(context);
      await other.open(session.connect_url);
      for (const stranger of [other, new TestBrowser(context)]) {
        const response = await stranger.get(callback);
        expect([response.status, response.type, response.headers['location']]).toEqual([400, 'text/html', undefined]);
        expect(response.text).toContain('state_mismatch');
      }
      expect(countCodeExchanges(context)).toBe(before);
      // The browser that started the login is unaffected.
      expect((await browser.get(callback)).headers['location']).toContain('status=connected');
    });

    it.each(['', '?code=abc', '?state=unknown&code=abc', `?state=${'x'.repeat(43)}&error=access_denied`])(
      'an unproven callback: %s',
      async (query) => {
        const browser = new TestBrowser(context);
        const shown = await browser.get(`/oauth/meta/callback${query}`);
        expect([shown.status, shown.type]).toEqual([400, 'text/html']);
        const reported = await browser.get(`/oauth/meta/callback${query}`, { Accept: 'application/json' });
        expect([reported.status, reported.type]).toEqual([400, 'application/problem+json']);
        expect(reported.body).toMatchObject({ code: 'state_mismatch', type: '/problems/state_mismatch' });
        expect(reported.body.request_id).toBe(reported.headers['x-request-id']);
      },
    );

    it('a denial, also the second time', async () => {
      const { browser, callback, session } = await approved({}, { action: 'deny' });
      for (let delivery = 0; delivery < 2; delivery++) {
        const response = await browser.get(callback);
        expect(response.headers['location']).toBe(`${RETURN_ORIGIN}/done?status=error&error=access_denied`);
      }
      expect(
        await rows(`SELECT 1 FROM audit_entry WHERE action = 'connect.denied' AND subject_id = $1`, [session.id]),
      ).toHaveLength(1);
      // Users may change their mind while the link lives.
      const again = new TestBrowser(context);
      expect(
        (await again.get(await completeDialog(await again.open(session.connect_url)))).headers['location'],
      ).toContain('status=connected');
    });

    it('an app that is not live, reported without `error`', async () => {
      const { browser, callback } = await approved({}, { action: 'error_901' });
      expect(new URL(callback).searchParams.has('error')).toBe(false);
      expect(errorOf(await browser.get(callback))).toBe('app_unavailable');
    });

    it('an unknown code', async () => {
      const { browser, callback, session } = await approved();
      const forged = new URL(callback);
      forged.searchParams.set('code', 'AQforged');
      expect(errorOf(await browser.get(forged.href))).toBe('code_rejected');
      // The state is consumed: the right code is too late.
      expect(errorOf(await browser.get(callback))).toBe('code_rejected');
      const [entry] = await rows<{ details: unknown }>(
        `SELECT details FROM audit_entry WHERE action = 'connect.failed' AND subject_id = $1`,
        [session.id],
      );
      expect(entry?.details).toMatchObject({ code: 'code_rejected', meta: { code: 100 }, will_retry: false });
    });

    it('an expired state', async () => {
      const { browser, callback } = await approved();
      const before = countCodeExchanges(context);
      context.clock.advance(601);
      expect(errorOf(await browser.get(callback))).toBe('session_expired');
      expect(countCodeExchanges(context)).toBe(before);
    });

    it('an expired, used or unknown link', async () => {
      const { browser, callback, session } = await approved();
      await browser.get(callback);
      const late = await createSession(context);
      context.clock.advance(600);
      for (const link of [session.connect_url, late.connect_url, 'http://localhost:3000/connect/nothing']) {
        const shown = await browser.get(link);
        expect([shown.status, shown.type]).toEqual([410, 'text/html']);
        expect(shown.text).toContain('session_expired');
        expect((await browser.get(link, { Accept: 'application/problem+json' })).body).toMatchObject({
          code: 'session_expired',
        });
      }
    });

    it('a browser that returns after another one completed', async () => {
      const { session, browser, callback } = await approved();
      const slow = new TestBrowser(context);
      const slowCallback = await completeDialog(await slow.open(session.connect_url));
      await browser.get(callback);
      const before = countCodeExchanges(context);
      expect(errorOf(await slow.get(slowCallback))).toBe('session_expired');
      expect(countCodeExchanges(context)).toBe(before);
    });

    it('our wrong app secret', async () => {
      const { browser, callback } = await approved();
      const app = context.sandbox.state.appById(undefined);
      const { secret } = app;
      app.secret = 'another';
      try {
        expect(errorOf(await browser.get(callback))).toBe('meta_configuration');
      } finally {
        app.secret = secret;
      }
    });

    it('no response from Meta to the exchange', async () => {
      const { browser, callback } = await approved();
      const before = countCodeExchanges(context);
      context.sandbox.state.faults.add({
        match: { pathPattern: 'oauth/access_token' },
        times: 1,
        fault: { kind: 'drop_after_commit' },
      });
      expect(errorOf(await browser.get(callback))).toBe('meta_unavailable');
      expect(errorOf(await browser.get(callback))).toBe('meta_unavailable');
      expect(countCodeExchanges(context)).toBe(before + 1);
    });
  });

  describe('if two browsers of one session succeed at once', () => {
    const race = async (users: [string, string]) => {
      const session = await createSession(context, { tenant: `race-${users.join('-')}` });
      const browsers = [new TestBrowser(context), new TestBrowser(context)];
      const callbacks: string[] = [];
      for (const [index, browser] of browsers.entries()) {
        callbacks.push(await completeDialog(await browser.open(session.connect_url), { user: users[index] ?? '' }));
      }
      context.sandbox.state.faults.add({
        match: { pathPattern: 'oauth/access_token' },
        times: 2,
        fault: { kind: 'delay', delayMs: 300 },
      });
      const responses = await Promise.all(browsers.map((browser, index) => browser.get(callbacks[index] ?? '')));
      return responses.map((response) => new URL(String(response.headers['location'])).searchParams);
    };

    it('both end up with the same connection', async () => {
      const user = context.sandbox.state.make.user().id;
      const [first, second] = await race([user, user]);
      expect(first?.get('status')).toBe('connected');
      expect(second?.get('connection_id')).toBe(first?.get('connection_id'));
    });

    it('the second user is too late, and leaves no token', async () => {
      const people: [string, string] = [context.sandbox.state.make.user().id, context.sandbox.state.make.user().id];
      const ends = await race(people);
      expect(ends.map((end) => end.get('status')).sort()).toEqual(['connected', 'error']);
      expect(ends.find((end) => end.get('status') === 'error')?.get('error')).toBe('session_expired');
      const made = await rows('SELECT id FROM connection WHERE tenant = $1', [`race-${people.join('-')}`]);
      expect(made).toHaveLength(1);
      expect(await rows('SELECT id FROM pending_authorization')).toEqual([]);
    });
  });

  it('finds a Page on the second page of /me/accounts', async () => {
    const user = context.sandbox.state.make.user();
    for (let index = 0; index < 130; index++) context.sandbox.state.make.page({ userIds: [user.id] });
    const connection = await view(await completeConnect(context, { tenant: 'many' }, { user: user.id }));
    expect([connection.assets_count, connection.credentials_count]).toEqual([130, 131]);
  });

  it('reports declined scopes, and requests them again', async () => {
    const body = { tenant: 'decliner' };
    const { id: user } = context.sandbox.state.make.user({ pageIds: ['200000000000201'] });
    const decline = ['pages_show_list', 'read_insights'];
    const first = await view(await completeConnect(context, body, { user, decline }));
    expect(first.declined_scopes.sort()).toEqual(['pages_show_list', 'read_insights']);
    expect(first).toMatchObject({
      status: 'active',
      status_reason: { code: 'scopes_missing', since_at: expect.any(String) },
    });
    expect(first.status_reason?.detail).toContain('pages_show_list');
    const { browser, dialog } = await approved(body);
    expect(dialog.searchParams.get('auth_type')).toBe('rerequest');
    const response = await browser.get(await completeDialog(dialog, { user }));
    const second = await view(new URL(String(response.headers['location'])));
    expect(second).toMatchObject({ id: first.id, declined_scopes: [], status_reason: null });
  });

  it('restores a connection from reauth_required under its id, but never a revoked one', async () => {
    const body = { tenant: 'returner' };
    const first = await view(await completeConnect(context, body));
    await rows(`UPDATE connection SET status = 'reauth_required' WHERE id = $1`, [first.id]);
    const second = await view(await completeConnect(context, body));
    expect(second).toMatchObject({ id: first.id, status: 'active' });
    expect(second.credentials[0]).toMatchObject({ id: first.credentials[0]?.id, version: 2 });
    await context.replica.app
      .get(ConnectionRevoker)
      .revoke(first.id, { actor: SYSTEM, requestId: null, reason: 'test' });
    const third = await view(await completeConnect(context, body));
    expect(third.id).not.toBe(first.id);
    expect(third.status).toBe('active');
  });

  it('leaves no code, state or token in log, audit or events', async () => {
    const { session, browser, callback, dialog } = await approved({ tenant: 'secretive' });
    const atDialog = [...browser.cookies.values()];
    const response = await browser.get(callback);
    expect(response.headers['location']).toContain('status=connected');
    const secrets = [
      ...atDialog,
      dialog.searchParams.get('state') ?? '',
      new URL(callback).searchParams.get('code') ?? '',
      new URL(session.connect_url).pathname.split('/')[2] ?? '',
      ...browser.cookies.values(),
    ];
    const audit = JSON.stringify(await rows('SELECT * FROM audit_entry'));
    const plain =
      JSON.stringify(await rows('SELECT * FROM event')) +
      JSON.stringify(await rows('SELECT * FROM connect_attempt')) +
      JSON.stringify(await rows('SELECT * FROM connect_session'));
    for (const text of [context.log.text(), audit, plain]) {
      expect(text.length).toBeGreaterThan(100);
      for (const secret of secrets) {
        expect(secret.length).toBeGreaterThan(20);
        expect(text).not.toContain(secret);
      }
      expect(text).not.toMatch(/EAA[A-Za-z0-9]{20}/);
    }
    expect(audit).toContain('connect.completed');
  });
});
