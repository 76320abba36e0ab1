import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { UnfinishedSignupJob } from '../../src/connect/unfinished/unfinished-signup.job.ts';
import { Database } from '../../src/database/database.ts';
import { type SandboxApp, seedIds } from '../../src/sandbox/state/default-seed.ts';
import {
  api,
  type ConnectSessionBody,
  type ConnectTestContext,
  completeDialog,
  connectionAt,
  createServiceClient,
  createSession,
  openConnectTestContext,
  TestBrowser,
} from '../support/connect-test-context.ts';

const ORIGIN = 'http://localhost:3000';
const FEATURE = 'whatsapp_business_app_onboarding';
const WABA = '310000000000402';
let context: ConnectTestContext;

beforeAll(async () => {
  context = await openConnectTestContext();
});
afterAll(() => context?.close());
// Sessions that a test leaves open must not be candidates in the next.
beforeEach(() => context.clock.advance(2 * 3_600));

const server = () => context.replica.app.getHttpServer();
const signup = (body: Record<string, unknown> = {}) =>
  createSession(context, { product: 'whatsapp', flow: 'embedded_signup', ...body });
const stateOf = async (id: string) =>
  (await api(context).get(`/v1/connect-sessions/${id}`)).body as Record<string, unknown>;
const pathOf = ({ connect_url: url }: ConnectSessionBody, edge: string) => `${new URL(url).pathname}/${edge}`;

/** Opens our signup page in its own browser. */
async function opened(session: ConnectSessionBody): Promise<TestBrowser> {
  const browser = new TestBrowser(context);
  expect((await browser.get(session.connect_url)).status).toBe(200);
  return browser;
}
const post = (browser: TestBrowser, path: string, body: object, origin = ORIGIN) =>
  request(server()).post(path).set('Cookie', browser.cookieHeader).set('Origin', origin).send(body);

describe('GET /connect/{token}/dialog', () => {
  it('opens Embedded Signup as a full page, whose code is exchanged with its redirect URI', async () => {
    const session = await signup({ tenant: 'full' });
    const browser = new TestBrowser(context);
    const dialog = await browser.open(`${session.connect_url}/dialog`);
    expect(Object.fromEntries(dialog.searchParams)).toEqual({
      client_id: context.sandbox.app.id,
      redirect_uri: `${ORIGIN}/oauth/meta/callback`,
      state: expect.stringMatching(/^[\w-]{43}$/),
      config_id: seedIds.signupConfiguration,
      response_type: 'code',
      override_default_response_type: 'true',
    });
    const callback = await completeDialog(dialog);
    const response = await browser.get(callback.replace(/#.*$/, ''));
    const connection = await connectionAt(context, new URL(String(response.headers['location'])));
    expect(connection).toMatchObject({ tenant: 'full', status: 'active', flow: 'embedded_signup' });
    expect(connection.assets.map(({ id }) => id)).toContain(WABA);
    expect(await stateOf(session.id)).toMatchObject({ status: 'connected', connection_id: connection.id });
  });

  it('requests the features of the session, as JSON', async () => {
    const session = await signup({ feature_type: FEATURE, features: ['app_only_install'] });
    const dialog = await new TestBrowser(context).open(`${session.connect_url}/dialog`);
    expect(JSON.parse(dialog.searchParams.get('extras') ?? '')).toEqual({
      featureType: FEATURE,
      features: [{ name: 'app_only_install' }],
    });
  });

  it('works for every flow, with a state and a cookie per browser', async () => {
    const session = await createSession(context);
    const browsers = [new TestBrowser(context), new TestBrowser(context)];
    const states: (string | null)[] = [];
    for (const browser of browsers) {
      states.push((await browser.open(`${session.connect_url}/dialog`)).searchParams.get('state'));
      expect(browser.cookies.size).toBe(1);
    }
    expect(new Set(states).size).toBe(2);
  });

  it('returns HEAD without state or cookie, and a page for an unknown or expired link', async () => {
    const session = await signup();
    const head = await request(server()).head(pathOf(session, 'dialog'));
    expect([head.status, head.headers['set-cookie'], head.headers['location']]).toEqual([200, undefined, undefined]);
    const unknown = await new TestBrowser(context).get('/connect/unknown/dialog', { accept: 'application/json' });
    expect([unknown.status, unknown.body.code]).toEqual([410, 'session_expired']);
    const browser = await opened(session);
    context.clock.advance(601);
    const stranger = await new TestBrowser(context).get(`${session.connect_url}/dialog`);
    expect(stranger.status).toBe(410);
    // A signup in progress may continue for as long as an attempt lives.
    expect((await browser.get(`${session.connect_url}/dialog`)).status).toBe(302);
    context.clock.advance(1_800);
    expect((await browser.get(`${session.connect_url}/dialog`)).status).toBe(410);
  });
});

describe('a code that ends with the fragment', () => {
  it.each(['#_', '#_=_', '%23_', '%23_%3D_'])('%s is taken without it, wherever it comes from', async (residue) => {
    const code = () => context.sandbox.state.make.code({ userId: '100000000000101', fromSdk: true });
    const session = await createSession(context, { tenant: 'residue' });
    const completed = await api(context).post(`/v1/connect-sessions/${session.id}/complete`, {
      code: `${code()}${residue}`,
    });
    expect(completed.status).toBe(201);

    const { tenant, ...page } = { tenant: 'residue-page', ...(await signup({ tenant: 'residue-page' })) };
    const browser = await opened(page);
    const make = context.sandbox.state.make;
    const systemUser = make.user({ kind: 'system_user', businessId: '300000000000401' }).id;
    const given = make.code({ userId: systemUser, fromSdk: true, expiresIn: null });
    const response = await post(browser, pathOf(page, 'complete'), { code: `${given}${residue}`, waba_id: WABA });
    expect([tenant, response.body.redirect_to]).toEqual([tenant, expect.stringContaining('status=connected')]);

    const third = await createSession(context, { tenant: 'residue-callback' });
    const visitor = new TestBrowser(context);
    const callback = new URL(await completeDialog(await visitor.open(third.connect_url)));
    callback.searchParams.set('code', `${callback.searchParams.get('code')}${residue}`);
    const back = await visitor.get(callback.href.replace(/#.*$/, ''));
    expect(back.headers['location']).toContain('status=connected');
  });

  it('and contains nothing else is invalid', async () => {
    const session = await createSession(context);
    const response = await api(context).post(`/v1/connect-sessions/${session.id}/complete`, { code: '#_=_' });
    expect([response.status, response.body.errors[0].path]).toEqual([400, 'code']);
  });
});

describe('GET /v1/connect-sessions/{id}', () => {
  it('shows the status of a session, but no link, state or code', async () => {
    const session = await signup({ tenant: 'shown', feature_type: FEATURE });
    const shown = await stateOf(session.id);
    expect(shown).toEqual({
      id: session.id,
      tenant: 'shown',
      locale: null,
      origin: null,
      product: 'whatsapp',
      flow: 'embedded_signup',
      app_id: context.sandbox.app.id,
      reference: null,
      metadata: null,
      status: 'open',
      connection_id: null,
      error: null,
      created_at: context.clock.now().toISOString(),
      expires_at: session.expires_at,
      feature_type: FEATURE,
      confirm: false,
      tenant_name: null,
      expected: null,
      progress: null,
      unfinished: null,
    });
    const browser = await opened(session);
    expect((await post(browser, pathOf(session, 'cancel'), {})).status).toBe(200);
    expect(await stateOf(session.id)).toMatchObject({ status: 'failed', error: 'access_denied' });
    const unused = await signup();
    context.clock.advance(601);
    expect(await stateOf(unused.id)).toMatchObject({ status: 'expired', error: null });
  });

  it('is 404 outside of the policy, and for an invalid id', async () => {
    const session = await signup({ tenant: 'mine' });
    const { key } = await createServiceClient(context, { tenants: ['theirs'] });
    for (const id of [session.id, 'cns_00000000000000000000000000', 'x']) {
      const response = await api(context, key).get(`/v1/connect-sessions/${id}`);
      expect([response.status, response.body.code]).toEqual([404, 'not_found']);
    }
  });
});

describe('a signup whose code was lost', () => {
  let time = 0;
  /** `app`: the app whose callback gets it. */
  const announce = async (
    waba: string,
    business = '900',
    event = 'PARTNER_ADDED',
    app: Pick<SandboxApp, 'id' | 'secret'> = context.sandbox.app,
  ) => {
    time += 1;
    const value = { event, waba_info: { waba_id: waba, owner_business_id: business } };
    const entry = [{ id: business, time, changes: [{ field: 'account_update', value }] }];
    const body = JSON.stringify({ object: 'whatsapp_business_account', entry });
    const signature = createHmac('sha256', app.secret).update(body).digest('hex');
    await request(server())
      .post(app.id === context.sandbox.app.id ? '/webhooks/meta' : `/webhooks/meta/${app.id}`)
      .set('Content-Type', 'application/json')
      .set('X-Hub-Signature-256', `sha256=${signature}`)
      .send(body)
      .expect(200);
  };
  const decide = () => context.replica.app.get(UnfinishedSignupJob).decideDue();
  const decideLater = async (seconds = 46) => {
    context.clock.advance(seconds);
    await decide();
  };
  const eventsOf = async (waba: string) =>
    (
      await context.replica.app.get(Database).rows<{ tenant: string | null; data: Record<string, unknown> }>({
        text: `SELECT tenant, data::jsonb AS data FROM event WHERE type = 'connection.unfinished'
          AND data::jsonb->>'waba_id' = $1 ORDER BY position`,
        values: [waba],
      })
    ).map(({ tenant, data }) => ({ tenant, ...data }) as Record<string, unknown>);
  let account = 7_000;
  const newAccount = () => {
    account += 1;
    return String(account);
  };

  it('does not match a session that was tampered with in the database', async () => {
    context.clock.advance(3601);
    const waba = newAccount();
    const session = await signup({ tenant: 'lost' });
    await opened(session);
    await context.replica.app
      .get(Database)
      .run({ text: `UPDATE connect_session SET tenant = 'evil' WHERE id = $1`, values: [session.id] });
    await announce(waba);
    await decideLater();
    expect((await eventsOf(waba)).map(({ tenant }) => tenant)).toEqual([null]);
    context.clock.advance(3601);
  });

  it('shows on the only possible session, and is reported once, after a grace period', async () => {
    const waba = newAccount();
    const session = await signup({ tenant: 'lost' });
    await opened(session);
    await announce(waba);
    await decideLater(30);
    expect(await stateOf(session.id)).toMatchObject({ status: 'open', unfinished: null });
    await announce(waba, '900', 'PARTNER_APP_INSTALLED');
    await decideLater(46);
    const { unfinished, ...shown } = await stateOf(session.id);
    expect(shown).toMatchObject({ status: 'unfinished', connection_id: null });
    expect(unfinished).toEqual({
      waba_id: waba,
      business_id: '900',
      at: context.clock.now().toISOString(),
      remedy: expect.stringContaining('new connect session'),
    });
    expect(await eventsOf(waba)).toEqual([
      {
        connect_session_id: session.id,
        tenant: 'lost',
        product: 'whatsapp',
        waba_id: waba,
        business_id: '900',
        reason: 'code_not_received',
        remedy: expect.any(String),
      },
    ]);
    await announce(waba);
    await decideLater();
    expect(await eventsOf(waba)).toHaveLength(1);
  });

  it('matches the session whose browser named the account, whoever else is signing up', async () => {
    const waba = newAccount();
    const named = await signup({ tenant: 'named' });
    const browser = await opened(named);
    const report = { event: 'FINISH', waba_id: waba, business_id: '901' };
    for (let times = 0; times < 2; times++)
      expect((await post(browser, pathOf(named, 'report'), report)).status).toBe(204);
    await opened(await signup({ tenant: 'other' }));
    await announce(waba, '901');
    await decideLater();
    expect(await eventsOf(waba)).toMatchObject([{ connect_session_id: named.id, tenant: 'named' }]);
  });

  it('matches sessions of the app only that it was announced to', async () => {
    const app = { id: '720000000001', secret: 'b'.repeat(32) };
    context.sandbox.state.make.app(app);
    await api(context)
      .post('/v1/apps', {
        app_id: app.id,
        app_secret: app.secret,
        name: 'Brand',
        tenants: ['branded'],
        login_config_ids: { whatsapp: seedIds.signupConfiguration },
      })
      .expect(201);
    const shared = await signup({ tenant: 'unbranded' });
    const own = await signup({ tenant: 'branded' });
    for (const session of [shared, own]) await opened(session);
    const [ofShared, ofOwn] = [newAccount(), newAccount()];
    await announce(ofShared);
    await announce(ofOwn, '900', 'PARTNER_ADDED', app);
    await decideLater();
    expect(await eventsOf(ofShared)).toMatchObject([{ connect_session_id: shared.id, tenant: 'unbranded' }]);
    expect(await eventsOf(ofOwn)).toMatchObject([{ connect_session_id: own.id, tenant: 'branded' }]);
  });

  it('names no session and no tenant if two are possible', async () => {
    const waba = newAccount();
    const sessions = [await signup({ tenant: 'one' }), await signup({ tenant: 'two' })];
    for (const session of sessions) await opened(session);
    await announce(waba);
    await decideLater();
    expect(await eventsOf(waba)).toMatchObject([
      { connect_session_id: null, tenant: null, product: 'whatsapp', reason: 'session_unknown' },
    ]);
    for (const { id } of sessions) expect(await stateOf(id)).toMatchObject({ unfinished: null });
    await announce(waba);
    await decideLater();
    expect(await eventsOf(waba)).toHaveLength(1);
  });

  it('matches a session whose product runs the SDK on its own page, but none older than an hour', async () => {
    const old = await signup({ tenant: 'old' });
    await opened(old);
    context.clock.advance(3_601);
    const own = await signup({ tenant: 'unopened' });
    const waba = newAccount();
    await announce(waba);
    await decideLater();
    expect(await eventsOf(waba)).toMatchObject([{ connect_session_id: own.id, tenant: 'unopened' }]);
    expect(await stateOf(old.id)).toMatchObject({ status: 'expired' });
  });

  it('is not reported if the connection is made meanwhile, or exists already', async () => {
    const make = context.sandbox.state.make;
    const waba = make.waba({ businessId: '300000000000401' }).id;
    make.phone({ wabaId: waba });
    const session = await signup({ tenant: 'in-time' });
    await opened(session);
    await announce(waba);
    const systemUser = make.user({ kind: 'system_user', businessId: '300000000000401' }).id;
    const code = make.code({ userId: systemUser, fromSdk: true, expiresIn: null });
    const body = { code, waba_id: waba };
    expect((await api(context).post(`/v1/connect-sessions/${session.id}/complete`, body)).status).toBe(201);
    await decideLater();
    await announce(waba);
    await decideLater();
    expect(await eventsOf(waba)).toEqual([]);
  });

  it('is resolved when the session connects after all', async () => {
    const make = context.sandbox.state.make;
    const waba = make.waba({ businessId: '300000000000401' }).id;
    make.phone({ wabaId: waba });
    const session = await signup({ tenant: 'after-all' });
    const browser = await opened(session);
    await announce(waba);
    await decideLater();
    expect(await stateOf(session.id)).toMatchObject({ status: 'unfinished' });
    const systemUser = make.user({ kind: 'system_user', businessId: '300000000000401' }).id;
    const code = make.code({ userId: systemUser, fromSdk: true, expiresIn: null });
    const response = await post(browser, pathOf(session, 'complete'), { code, waba_id: waba });
    expect(response.body.redirect_to).toContain('status=connected');
    expect(await stateOf(session.id)).toMatchObject({ status: 'connected', unfinished: null });
  });

  it('is decided by any replica, however long it was down', async () => {
    const waba = newAccount();
    const session = await signup({ tenant: 'crashed' });
    await opened(session);
    await announce(waba);
    context.clock.advance(86_400);
    const another = await context.startAnotherReplica();
    const jobs = [context.replica, another].map(({ app }) => app.get(UnfinishedSignupJob).decideDue());
    await Promise.all(jobs);
    expect(await eventsOf(waba)).toMatchObject([{ connect_session_id: session.id }]);
  });

  it('is reported only by the browser that opened the session, from our own page', async () => {
    const session = await signup();
    const browser = await opened(session);
    const path = pathOf(session, 'report');
    const statusesOf = async (responses: request.Test[]) => (await Promise.all(responses)).map(({ status }) => status);
    expect(
      await statusesOf([
        post(new TestBrowser(context), path, { waba_id: '1' }),
        post(browser, path, { waba_id: '1' }, 'https://evil.example'),
        post(browser, path, { waba_id: 'x' }),
        post(browser, path, { event: 'finish' }),
        post(browser, path, { code: 'AQ' }),
        post(browser, path, {}),
      ]),
    ).toEqual([400, 400, 400, 400, 400, 204]);
  });
});
