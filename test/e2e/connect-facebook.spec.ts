import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { SYSTEM } from '../../src/audit/audit-log.ts';
import { RevokeConnection } from '../../src/connections/revocation/connection-revoker.ts';
import { Database } from '../../src/database/database.ts';
import {
  type ConnectStage,
  codeExchanges,
  connectionAt,
  connectStage,
  createSession,
  decide,
  goThrough,
  goToCallback,
  RETURN_ORIGIN,
  TestBrowser,
} from '../support/connect-test-context.ts';

describe('connecting through Facebook Login', () => {
  let stage: ConnectStage;
  beforeAll(async () => {
    stage = await connectStage();
  });
  afterAll(() => stage.close());

  const view = (end: URL) => connectionAt(stage, end);
  const rows = <R extends Record<string, unknown>>(text: string, values: unknown[] = []) =>
    stage.replica.app.get(Database).rows<R>({ text, values });
  const approved = (...way: [body?: Record<string, unknown>, choice?: Parameters<typeof decide>[1]]) =>
    goToCallback(stage, ...way);
  const errorOf = (answer: request.Response): string | null =>
    new URL(String(answer.headers['location'])).searchParams.get('error');

  it('ends at the return_url, whose query stays as it was', async () => {
    const { session, browser, dialog, callback } = await approved({ return_url: `${RETURN_ORIGIN}/done?a=1&b=%20` });
    expect(session.id).toMatch(/^cns_/);
    expect(session.expires_at).toBe('2026-11-22T12:10:00.000Z');
    expect(dialog.searchParams.get('redirect_uri')).toBe('http://localhost:3000/oauth/meta/callback');
    expect(dialog.searchParams.get('state')).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const before = codeExchanges(stage);
    const answer = await browser.get(callback);
    expect(answer.status).toBe(302);
    const location = String(answer.headers['location']);
    expect(location).toMatch(
      /^https:\/\/app\.example\/done\?a=1&b=%20&status=connected&connection_id=con_[0-9a-z]{26}$/,
    );
    expect(codeExchanges(stage)).toBe(before + 1);
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
    expect(root).toMatchObject({ kind: 'user', expires_at: '2027-01-21T11:59:04.000Z' });
    expect(pages.map((page) => [page.kind, page.expires_at])).toEqual(Array(3).fill(['page', null]));
    expect(connection.assets.map((asset) => asset.type)).toEqual(['page', 'page', 'page']);
    expect(connection.assets.every((asset) => asset.credential_id !== root?.id)).toBe(true);
    expect(await rows('SELECT id FROM token_intake')).toEqual([]);
  });

  it('binds the browser with a cookie that scripts and other sites do not get', async () => {
    const session = await createSession(stage);
    const { pathname } = new URL(session.connect_url);
    const answer = await request(stage.replica.app.getHttpServer()).get(pathname);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(String(answer.headers['set-cookie'])).toMatch(
      /^metavault_connect_[0-9a-f]{16}=[A-Za-z0-9_-]{43}; Path=\/; Max-Age=3600; HttpOnly; SameSite=Lax$/,
    );
  });

  it('shows a page where there is no return_url, and JSON to those that ask', async () => {
    const { browser, callback } = await approved({ return_url: undefined });
    const shown = await browser.get(callback);
    expect([shown.status, shown.type]).toEqual([200, 'text/html']);
    expect(shown.text).toContain('Connected');
    const told = await browser.get(callback, { Accept: 'application/json' });
    expect(told.body).toMatchObject({ status: 'connected' });
  });

  it('ends the same for a second delivery, and exchanges nothing', async () => {
    const { browser, callback } = await approved();
    const before = codeExchanges(stage);
    const first = await browser.get(callback);
    const second = await browser.get(callback);
    expect(first.headers['location']).toContain('status=connected');
    expect(second.headers['location']).toBe(first.headers['location']);
    expect(codeExchanges(stage)).toBe(before + 1);
  });

  it('ends the same for deliveries at the same time', async () => {
    const { browser, callback } = await approved();
    const before = codeExchanges(stage);
    stage.sandbox.state.faults.add({
      match: { pathPattern: 'oauth/access_token' },
      times: 1,
      fault: { kind: 'delay', delayMs: 400 },
    });
    const answers = await Promise.all([1, 2, 3, 4].map(() => browser.get(callback)));
    const ends = new Set(answers.map((answer) => answer.headers['location']));
    expect(ends.size).toBe(1);
    expect([...ends][0]).toContain('status=connected');
    expect(codeExchanges(stage)).toBe(before + 1);
  });

  it('lets link scanners look without spoiling anything', async () => {
    const session = await createSession(stage);
    const { pathname } = new URL(session.connect_url);
    const server = stage.replica.app.getHttpServer();
    const count = async () => (await rows('SELECT 1 FROM connect_attempt WHERE session_id = $1', [session.id])).length;
    const looked = await request(server).head(pathname);
    expect([looked.status, looked.headers['set-cookie'], looked.headers['location']]).toEqual([
      200,
      undefined,
      undefined,
    ]);
    expect(await count()).toBe(0);
    const person = new TestBrowser(stage);
    const dialog = await person.open(session.connect_url);
    for (let scan = 0; scan < 5; scan++) await new TestBrowser(stage).open(session.connect_url);
    const answer = await person.get(await decide(dialog));
    expect(answer.headers['location']).toContain('status=connected');
  });

  it('keeps the rows of a link within bounds, the newest browser in', async () => {
    const session = await createSession(stage);
    for (let scan = 0; scan < 53; scan++) {
      stage.clock.advance(0.01);
      await new TestBrowser(stage).open(session.connect_url);
    }
    const person = new TestBrowser(stage);
    stage.clock.advance(0.01);
    const dialog = await person.open(session.connect_url);
    expect(await rows('SELECT 1 FROM connect_attempt WHERE session_id = $1', [session.id])).toHaveLength(50);
    expect((await person.get(await decide(dialog))).headers['location']).toContain('status=connected');
  });

  it('does not consume a state for HEAD', async () => {
    const { browser, callback } = await approved();
    const { pathname, search } = new URL(callback);
    const looked = await request(stage.replica.app.getHttpServer())
      .head(pathname + search)
      .set('Cookie', browser.cookieHeader);
    expect(looked.status).toBe(200);
    expect((await browser.get(callback)).headers['location']).toContain('status=connected');
  });

  describe('refuses', () => {
    it('a state in another browser, and sends it nowhere', async () => {
      const { browser, callback, session } = await approved();
      const before = codeExchanges(stage);
      const other = new TestBrowser(stage);
      await other.open(session.connect_url);
      for (const stranger of [other, new TestBrowser(stage)]) {
        const answer = await stranger.get(callback);
        expect([answer.status, answer.type, answer.headers['location']]).toEqual([400, 'text/html', undefined]);
        expect(answer.text).toContain('state_mismatch');
      }
      expect(codeExchanges(stage)).toBe(before);
      // The browser that began it is not harmed.
      expect((await browser.get(callback)).headers['location']).toContain('status=connected');
    });

    it.each(['', '?code=abc', '?state=unknown&code=abc', `?state=${'x'.repeat(43)}&error=access_denied`])(
      'a callback that proves nothing: %s',
      async (query) => {
        const browser = new TestBrowser(stage);
        const shown = await browser.get(`/oauth/meta/callback${query}`);
        expect([shown.status, shown.type]).toEqual([400, 'text/html']);
        const told = await browser.get(`/oauth/meta/callback${query}`, { Accept: 'application/json' });
        expect([told.status, told.type]).toEqual([400, 'application/problem+json']);
        expect(told.body).toMatchObject({ code: 'state_mismatch', type: '/problems/state_mismatch' });
        expect(told.body.request_id).toBe(told.headers['x-request-id']);
      },
    );

    it('a denial, also the second time', async () => {
      const { browser, callback, session } = await approved({}, { action: 'deny' });
      for (let delivery = 0; delivery < 2; delivery++) {
        const answer = await browser.get(callback);
        expect(answer.headers['location']).toBe(`${RETURN_ORIGIN}/done?status=error&error=access_denied`);
      }
      expect(
        await rows(`SELECT 1 FROM audit_entry WHERE action = 'connect.denied' AND subject_id = $1`, [session.id]),
      ).toHaveLength(1);
      // The person may change their mind while the link lives.
      const again = new TestBrowser(stage);
      expect((await again.get(await decide(await again.open(session.connect_url)))).headers['location']).toContain(
        'status=connected',
      );
    });

    it('an app that is not public, in the shape without error', async () => {
      const { browser, callback } = await approved({}, { action: 'error_901' });
      expect(new URL(callback).searchParams.has('error')).toBe(false);
      expect(errorOf(await browser.get(callback))).toBe('app_unavailable');
    });

    it('a code that Meta does not know', async () => {
      const { browser, callback, session } = await approved();
      const forged = new URL(callback);
      forged.searchParams.set('code', 'AQforged');
      expect(errorOf(await browser.get(forged.href))).toBe('code_rejected');
      // The state is used up: the right code comes too late.
      expect(errorOf(await browser.get(callback))).toBe('code_rejected');
      const [entry] = await rows<{ details: unknown }>(
        `SELECT details FROM audit_entry WHERE action = 'connect.failed' AND subject_id = $1`,
        [session.id],
      );
      expect(entry?.details).toMatchObject({ code: 'code_rejected', meta: { code: 100 }, will_retry: false });
    });

    it('a state that is too old', async () => {
      const { browser, callback } = await approved();
      const before = codeExchanges(stage);
      stage.clock.advance(601);
      expect(errorOf(await browser.get(callback))).toBe('session_expired');
      expect(codeExchanges(stage)).toBe(before);
    });

    it('a link that is too old, used, or never was', async () => {
      const { browser, callback, session } = await approved();
      await browser.get(callback);
      const late = await createSession(stage);
      stage.clock.advance(600);
      for (const link of [session.connect_url, late.connect_url, 'http://localhost:3000/connect/nothing']) {
        const shown = await browser.get(link);
        expect([shown.status, shown.type]).toEqual([410, 'text/html']);
        expect(shown.text).toContain('session_expired');
        expect((await browser.get(link, { Accept: 'application/problem+json' })).body).toMatchObject({
          code: 'session_expired',
        });
      }
    });

    it('a browser that comes back after another one has finished', async () => {
      const { session, browser, callback } = await approved();
      const slow = new TestBrowser(stage);
      const slowCallback = await decide(await slow.open(session.connect_url));
      await browser.get(callback);
      const before = codeExchanges(stage);
      expect(errorOf(await slow.get(slowCallback))).toBe('session_expired');
      expect(codeExchanges(stage)).toBe(before);
    });

    it('our wrong app secret', async () => {
      const { browser, callback } = await approved();
      const app = stage.sandbox.state.appById(undefined);
      const { secret } = app;
      app.secret = 'another';
      try {
        expect(errorOf(await browser.get(callback))).toBe('meta_configuration');
      } finally {
        app.secret = secret;
      }
    });

    it('a Meta that does not answer the exchange', async () => {
      const { browser, callback } = await approved();
      const before = codeExchanges(stage);
      stage.sandbox.state.faults.add({
        match: { pathPattern: 'oauth/access_token' },
        times: 1,
        fault: { kind: 'drop_after_commit' },
      });
      expect(errorOf(await browser.get(callback))).toBe('meta_unavailable');
      expect(errorOf(await browser.get(callback))).toBe('meta_unavailable');
      expect(codeExchanges(stage)).toBe(before + 1);
    });
  });

  describe('where two browsers of one session succeed at once', () => {
    const race = async (users: [string, string]) => {
      const session = await createSession(stage, { tenant: `race-${users.join('-')}` });
      const browsers = [new TestBrowser(stage), new TestBrowser(stage)];
      const callbacks: string[] = [];
      for (const [index, browser] of browsers.entries()) {
        callbacks.push(await decide(await browser.open(session.connect_url), { user: users[index] ?? '' }));
      }
      stage.sandbox.state.faults.add({
        match: { pathPattern: 'oauth/access_token' },
        times: 2,
        fault: { kind: 'delay', delayMs: 300 },
      });
      const answers = await Promise.all(browsers.map((browser, index) => browser.get(callbacks[index] ?? '')));
      return answers.map((answer) => new URL(String(answer.headers['location'])).searchParams);
    };

    it('both end as connected to the same connection', async () => {
      const person = stage.sandbox.state.make.user().id;
      const [first, second] = await race([person, person]);
      expect(first?.get('status')).toBe('connected');
      expect(second?.get('connection_id')).toBe(first?.get('connection_id'));
    });

    it('the second person is too late, and leaves no token', async () => {
      const people: [string, string] = [stage.sandbox.state.make.user().id, stage.sandbox.state.make.user().id];
      const ends = await race(people);
      expect(ends.map((end) => end.get('status')).sort()).toEqual(['connected', 'error']);
      expect(ends.find((end) => end.get('status') === 'error')?.get('error')).toBe('session_expired');
      const made = await rows('SELECT id FROM connection WHERE tenant = $1', [`race-${people.join('-')}`]);
      expect(made).toHaveLength(1);
      expect(await rows('SELECT id FROM token_intake')).toEqual([]);
    });
  });

  it('finds a Page on the second page of /me/accounts', async () => {
    const person = stage.sandbox.state.make.user();
    for (let index = 0; index < 130; index++) stage.sandbox.state.make.page({ userIds: [person.id] });
    const connection = await view(await goThrough(stage, { tenant: 'many' }, { user: person.id }));
    expect(connection.assets).toHaveLength(130);
    expect(connection.credentials).toHaveLength(131);
  });

  it('says which scopes were declined, and asks for them again', async () => {
    const body = { tenant: 'decliner' };
    const { id: user } = stage.sandbox.state.make.user({ pageIds: ['200000000000201'] });
    const decline = ['pages_show_list', 'read_insights'];
    const first = await view(await goThrough(stage, body, { user, decline }));
    expect(first.declined_scopes.sort()).toEqual(['pages_show_list', 'read_insights']);
    expect(first).toMatchObject({
      status: 'active',
      status_reason: { code: 'scopes_missing', since_at: expect.any(String) },
    });
    expect(first.status_reason?.detail).toContain('pages_show_list');
    const { browser, dialog } = await approved(body);
    expect(dialog.searchParams.get('auth_type')).toBe('rerequest');
    const answer = await browser.get(await decide(dialog, { user }));
    const second = await view(new URL(String(answer.headers['location'])));
    expect(second).toMatchObject({ id: first.id, declined_scopes: [], status_reason: null });
  });

  it('brings a connection back from reauth_required under its id, and never one that was revoked', async () => {
    const body = { tenant: 'returner' };
    const first = await view(await goThrough(stage, body));
    await rows(`UPDATE connection SET status = 'reauth_required' WHERE id = $1`, [first.id]);
    const second = await view(await goThrough(stage, body));
    expect(second).toMatchObject({ id: first.id, status: 'active' });
    expect(second.credentials[0]).toMatchObject({ id: first.credentials[0]?.id, version: 2 });
    await stage.replica.app.get(RevokeConnection).revoke(first.id, { actor: SYSTEM, requestId: null, reason: 'test' });
    const third = await view(await goThrough(stage, body));
    expect(third.id).not.toBe(first.id);
    expect(third.status).toBe('active');
  });

  it('writes no code, state or token into log, audit or events', async () => {
    const { session, browser, callback, dialog } = await approved({ tenant: 'secretive' });
    const answer = await browser.get(callback);
    expect(answer.headers['location']).toContain('status=connected');
    const secrets = [
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
    for (const text of [stage.log.text(), audit, plain]) {
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
