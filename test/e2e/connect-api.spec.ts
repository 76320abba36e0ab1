import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DEFAULT_GRAPH_API_VERSION } from '../../src/config/graph-api-version.ts';
import { Database } from '../../src/database/database.ts';
import { seedIds } from '../../src/sandbox/state/default-seed.ts';
import {
  api,
  type ConnectTestContext,
  countCodeExchanges,
  createServiceClient,
  createSession,
  openConnectTestContext,
  RETURN_ORIGIN,
  TestBrowser,
} from '../support/connect-test-context.ts';

const USER = '100000000000101';
const BUSINESS = '300000000000401';
const EMBEDDED_SIGNUP = { product: 'whatsapp', flow: 'embedded_signup' };
const WABA = '310000000000402';

describe('connecting through the API', () => {
  let context: ConnectTestContext;
  beforeAll(async () => {
    context = await openConnectTestContext();
  });
  afterAll(() => context.close());

  const rows = <R extends Record<string, unknown>>(text: string) => context.replica.app.get(Database).rows<R>({ text });
  const serviceKey = async (tenants: string[], products: string[]) =>
    (await createServiceClient(context, { tenants, products })).key;
  const auditorKey = async () => {
    const response = await api(context).post('/v1/clients', { name: 'an auditor', role: 'auditor' });
    return String(response.body.api_key);
  };
  const systemUser = () =>
    context.sandbox.state.make.user({
      kind: 'system_user',
      businessId: BUSINESS,
      adAccountIds: ['act_330000000000404'],
    });

  describe('POST /v1/connect-sessions', () => {
    const body = { tenant: 'acme', product: 'pages', flow: 'facebook_login' };

    it('returns everything a front end needs', async () => {
      const response = await api(context).post('/v1/connect-sessions', body);
      expect(response.status).toBe(201);
      expect(response.headers['cache-control']).toBe('no-store');
      expect(Object.keys(response.body).sort()).toEqual(['connect_url', 'expires_at', 'id', 'js_sdk']);
      expect(response.body.connect_url).toMatch(/^http:\/\/localhost:3000\/connect\/[A-Za-z0-9_-]{43}$/);
      expect(response.body.js_sdk).toMatchObject({
        app_id: context.sandbox.app.id,
        version: DEFAULT_GRAPH_API_VERSION,
        config_id: null,
        response_type: 'code',
        override_default_response_type: true,
        extras: {},
      });
      const embedded = await api(context).post('/v1/connect-sessions', {
        ...body,
        product: 'whatsapp',
        flow: 'embedded_signup',
      });
      expect(embedded.body.js_sdk).toMatchObject({ config_id: seedIds.signupConfiguration, scope: null });
      expect(embedded.body.js_sdk.extras).toEqual({});
    });

    it('returns the chosen Embedded Signup features to the front end', async () => {
      const chosen = {
        ...body,
        product: 'whatsapp',
        flow: 'embedded_signup',
        feature_type: 'whatsapp_business_app_onboarding',
        features: ['app_only_install'],
      };
      const response = await api(context).post('/v1/connect-sessions', chosen);
      expect(response.status).toBe(201);
      expect(response.body.js_sdk.extras).toEqual({
        featureType: 'whatsapp_business_app_onboarding',
        features: [{ name: 'app_only_install' }],
      });
    });

    it('refuses Embedded Signup without a login configuration, naming the setting', async () => {
      const replica = await context.startAnotherReplica({ META_LOGIN_CONFIG_ID_WHATSAPP: '' });
      const signup = { ...body, product: 'whatsapp', flow: 'embedded_signup' };
      const response = await api({ replica }).post('/v1/connect-sessions', signup);
      expect([response.status, response.body.code]).toEqual([409, 'login_not_configured']);
      expect(response.body.detail).toContain('META_LOGIN_CONFIG_ID_WHATSAPP');
      const session = await createSession(context, { product: 'whatsapp', flow: 'embedded_signup' });
      const opened = await new TestBrowser({ replica }).get(session.connect_url, { accept: 'application/json' });
      expect([opened.status, opened.body.code]).toEqual([409, 'login_not_configured']);
      const login = { ...body, product: 'whatsapp', flow: 'facebook_login' };
      expect((await api({ replica }).post('/v1/connect-sessions', login)).status).toBe(201);
    });

    it.each<[string, Record<string, unknown>, string]>([
      ['a malformed tenant', { tenant: 'a b' }, 'tenant'],
      ['a tenant that is too long', { tenant: 'x'.repeat(129) }, 'tenant'],
      ['an unknown product', { product: 'oculus' }, 'product'],
      ['a flow of another product', { flow: 'threads_login' }, 'flow'],
      ['the flow without a dialog', { flow: 'import' }, 'flow'],
      ['an unknown field', { redirect: 'x' }, 'redirect'],
      ['invalid scopes', { scopes: ['pages show'] }, 'scopes'],
      ['an empty list of scopes', { scopes: [] }, 'scopes'],
      ['a feature type for another flow', { feature_type: 'whatsapp_business_app_onboarding' }, 'feature_type'],
      ['features for another flow', { features: ['app_only_install'] }, 'features'],
      ['an invalid feature type', { ...EMBEDDED_SIGNUP, feature_type: 'coexistence' }, 'feature_type'],
      ['invalid features', { ...EMBEDDED_SIGNUP, features: ['App-Only'] }, 'features'],
      ['too many features', { ...EMBEDDED_SIGNUP, features: [...'abcdefghijk'] }, 'features'],
      ['a null', { return_url: null }, 'return_url'],
      ['a return_url of another origin', { return_url: 'https://evil.example/' }, 'return_url'],
      ['a return_url of another scheme', { return_url: 'javascript:alert(1)' }, 'return_url'],
      ['a return_url that only looks right', { return_url: `${RETURN_ORIGIN}.evil.example/` }, 'return_url'],
      ['a return_url with a user', { return_url: 'https://user@app.example/' }, 'return_url'],
      ['a return_url with a fragment', { return_url: `${RETURN_ORIGIN}/#x` }, 'return_url'],
      ['a relative return_url', { return_url: '//app.example/' }, 'return_url'],
    ])('rejects %s', async (_, change, path) => {
      const response = await api(context).post('/v1/connect-sessions', { ...body, ...change });
      expect(response.status).toBe(400);
      expect(response.body.code).toBe('invalid_request');
      expect(response.body.errors[0].path).toBe(path);
    });

    it('respects roles and policies', async () => {
      expect((await api(context, await auditorKey()).post('/v1/connect-sessions', body)).status).toBe(403);
      const service = api(context, await serviceKey(['acme'], ['pages']));
      expect((await service.post('/v1/connect-sessions', body)).status).toBe(201);
      for (const change of [{ tenant: 'other' }, { product: 'ads' }]) {
        const response = await service.post('/v1/connect-sessions', { ...body, ...change });
        expect([response.status, response.body.code]).toEqual([403, 'not_allowed']);
      }
    });
  });

  describe('POST /v1/connect-sessions/{id}/complete', () => {
    it('takes a code of the JS SDK, and returns the connection', async () => {
      const session = await createSession(context, { tenant: 'sdk' });
      const code = context.sandbox.state.make.code({ userId: USER, fromSdk: true });
      const service = api(context, await serviceKey(['sdk'], ['*']));
      const response = await service.post(`/v1/connect-sessions/${session.id}/complete`, { code });
      expect(response.status).toBe(201);
      expect(response.body).toMatchObject({ tenant: 'sdk', status: 'active', flow: 'facebook_login' });
      const again = await service.post(`/v1/connect-sessions/${session.id}/complete`, { code });
      expect([again.status, again.body.code]).toEqual([410, 'session_expired']);
      expect(again.body.detail).toContain(response.body.id);
    });

    it('takes a short-lived token of our app, and keeps a long-lived one', async () => {
      const session = await createSession(context, { tenant: 'given' });
      const { accessToken } = context.sandbox.state.make.token({ userId: USER, expiresIn: 5400, longLived: false });
      const response = await api(context).post(`/v1/connect-sessions/${session.id}/complete`, {
        access_token: accessToken,
      });
      expect(response.status).toBe(201);
      expect(response.body.credentials[0].expires_at).toBe('2027-01-21T11:59:04.000Z');
      expect(JSON.stringify(response.body)).not.toContain(accessToken);
    });

    it('rejects a code together with a token, neither of them, and an invalid id', async () => {
      const session = await createSession(context);
      const path = `/v1/connect-sessions/${session.id}/complete`;
      for (const body of [
        {},
        { code: 'a', access_token: 'b' },
        { access_token: 'b', redirect_uri: 'https://a.example/' },
        { code: 'a', waba_id: 'x/../y' },
        { code: 'a', event: 'finish' },
        { code: 'a b' },
      ]) {
        expect([(await api(context).post(path, body)).status, body]).toEqual([400, body]);
      }
    });

    it('hides sessions outside of the policy', async () => {
      const session = await createSession(context, { tenant: 'hidden' });
      const other = api(context, await serviceKey(['someone-else'], ['*']));
      for (const id of [session.id, 'cns_00000000000000000000000000']) {
        const response = await other.post(`/v1/connect-sessions/${id}/complete`, { code: 'a' });
        expect([response.status, response.body.code]).toEqual([404, 'not_found']);
      }
    });

    it('says why a code is refused, and keeps the session open', async () => {
      const session = await createSession(context, { tenant: 'retry' });
      const path = `/v1/connect-sessions/${session.id}/complete`;
      const refused = await api(context).post(path, { code: 'AQforged' });
      expect([refused.status, refused.body.code]).toEqual([422, 'code_rejected']);
      expect(refused.body.meta).toMatchObject({ code: expect.any(Number), fbtrace_id: expect.any(String) });
      const code = context.sandbox.state.make.code({ userId: USER, redirectUri: 'https://front.example/cb' });
      const wrong = await api(context).post(path, { code, redirect_uri: 'https://front.example/other' });
      expect([wrong.status, wrong.body.code, wrong.body.meta.subcode]).toEqual([422, 'code_rejected', 36008]);
      const right = await api(context).post(path, { code, redirect_uri: 'https://front.example/cb' });
      expect(right.status).toBe(201);
    });

    it.each<[string, () => string]>([
      ['garbage', () => 'EAAgarbage'],
      [
        'a dead token',
        () => {
          const { accessToken } = context.sandbox.state.make.token({ userId: USER });
          context.sandbox.state.invalidateToken(accessToken, 460);
          return accessToken;
        },
      ],
      ['an app token', () => `${context.sandbox.app.id}|${context.sandbox.app.secret}`],
      [
        'a token of another product',
        () => context.sandbox.state.make.token({ userId: '26000000000000303' }).accessToken,
      ],
    ])('rejects a token before storing anything: %s', async (_, make) => {
      const session = await createSession(context, { tenant: 'refused' });
      const response = await api(context).post(`/v1/connect-sessions/${session.id}/complete`, { access_token: make() });
      expect([response.status, response.body.code]).toEqual([422, 'token_rejected']);
      expect(await rows('SELECT id FROM pending_authorization')).toEqual([]);
      expect(await rows(`SELECT id FROM connection WHERE tenant = 'refused'`)).toEqual([]);
      const [entry] = await rows<{ details: unknown }>(
        `SELECT details FROM audit_entry WHERE subject_id = '${session.id}' AND action = 'connect.failed'`,
      );
      expect(entry?.details).toMatchObject({ code: 'token_rejected' });
    });

    it('reports when Meta is down, and when our settings are wrong', async () => {
      const session = await createSession(context, { tenant: 'weather' });
      const path = `/v1/connect-sessions/${session.id}/complete`;
      const { accessToken } = context.sandbox.state.make.token({ userId: USER });
      const fault = context.sandbox.state.faults.add({
        match: { pathPattern: 'debug_token' },
        fault: { kind: 'html', status: 502 },
      });
      const away = await api(context).post(path, { access_token: accessToken });
      expect([away.status, away.body.code]).toEqual([503, 'meta_unavailable']);
      expect(Number(away.headers['retry-after'])).toBeGreaterThan(0);
      context.sandbox.state.faults.clear(fault.id);
      const app = context.sandbox.state.appById(undefined);
      const { secret } = app;
      app.secret = 'another';
      const wrong = await api(context).post(path, { access_token: accessToken });
      app.secret = secret;
      expect([wrong.status, wrong.body.code]).toEqual([502, 'meta_configuration']);
      expect((await api(context).post(path, { access_token: accessToken })).status).toBe(201);
    });
  });

  describe('POST /v1/connections/import', () => {
    const importing = (body: Record<string, unknown>, key?: string) =>
      api(context, key).post('/v1/connections/import', { tenant: 'importer', ...body });

    it('is for admins', async () => {
      const response = await importing({ product: 'ads', access_token: 'x' }, await serviceKey(['*'], ['*']));
      expect([response.status, response.body.code]).toEqual([403, 'forbidden']);
    });

    it('takes a system-user token that never expires, with its ad accounts', async () => {
      const { id } = systemUser();
      const { accessToken } = context.sandbox.state.make.token({
        userId: id,
        scopes: ['ads_management', 'ads_read', 'business_management'],
      });
      const response = await importing({ product: 'ads', access_token: accessToken });
      expect(response.status).toBe(201);
      expect(response.body).toMatchObject({
        flow: 'import',
        meta_user_id: id,
        status_reason: null,
        declined_scopes: [],
      });
      expect(response.body.credentials).toMatchObject([{ kind: 'system_user', expires_at: null, refresh_after: null }]);
      expect(response.body.assets).toMatchObject([
        { type: 'ad_account', id: 'act_330000000000404', name: 'Sandbox Ads', parent_id: BUSINESS },
      ]);
      const again = await importing({ product: 'ads', access_token: accessToken });
      expect(again.body.id).toBe(response.body.id);
    });

    it('takes a page token as is', async () => {
      const { accessToken } = context.sandbox.state.make.token({ userId: USER, pageId: '200000000000202' });
      const response = await importing({ product: 'pages', access_token: accessToken });
      expect(response.status).toBe(201);
      expect(response.body.credentials).toMatchObject([{ kind: 'page', subject_id: '200000000000202' }]);
      expect(response.body.assets).toMatchObject([
        { type: 'page', id: '200000000000202', credential_id: response.body.credentials[0].id },
      ]);
    });

    it('takes an Instagram token of either login, found out by asking', async () => {
      const own = context.sandbox.state.make.token({ userId: '25000000000000302' }).accessToken;
      const login = await importing({ product: 'instagram', access_token: own });
      expect(login.status).toBe(201);
      expect(login.body).toMatchObject({
        app_id: context.sandbox.app.instagramAppId,
        meta_user_id: '17841400000000301',
      });
      expect(login.body.credentials).toMatchObject([{ kind: 'instagram_user' }]);
      expect(login.body.assets).toMatchObject([{ type: 'instagram_account', id: '17841400000000301' }]);
      const { accessToken } = context.sandbox.state.make.token({ userId: USER });
      const linked = await importing({ product: 'instagram', access_token: accessToken });
      expect(linked.status).toBe(201);
      const account = linked.body.assets.find((asset: { type: string }) => asset.type === 'instagram_account');
      const page = linked.body.credentials.find((one: { subject_id: string }) => one.subject_id === '200000000000201');
      expect(account).toMatchObject({ id: '17841400000000301', parent_id: '200000000000201', credential_id: page.id });
    });

    it('takes a Threads token', async () => {
      const { accessToken } = context.sandbox.state.make.token({ userId: '26000000000000303' });
      const response = await importing({ product: 'threads', access_token: accessToken });
      expect(response.status).toBe(201);
      expect(response.body).toMatchObject({
        app_id: context.sandbox.app.threadsAppId,
        credentials: [{ kind: 'threads_user' }],
        assets: [],
      });
    });

    it('connects and says what is missing', async () => {
      const lonely = context.sandbox.state.make.user();
      const { accessToken } = context.sandbox.state.make.token({ userId: lonely.id });
      const instagram = await importing({ product: 'instagram', access_token: accessToken });
      expect(instagram.body).toMatchObject({
        status: 'active',
        status_reason: { code: 'no_instagram_account', remedy: expect.stringContaining('link') },
      });
      const whatsapp = await importing({ product: 'whatsapp', access_token: accessToken });
      expect(whatsapp.body).toMatchObject({ status: 'active', status_reason: { code: 'no_whatsapp_account' } });
    });
  });

  describe('WhatsApp', () => {
    it('finds the account from granted targets, finds its numbers, and subscribes it', async () => {
      const { id } = systemUser();
      const targets = { whatsapp_business_management: [WABA], whatsapp_business_messaging: [WABA] };
      const session = await createSession(context, { tenant: 'wa', product: 'whatsapp', flow: 'embedded_signup' });
      const scopes = ['whatsapp_business_management', 'whatsapp_business_messaging'];
      const code = context.sandbox.state.make.code({ userId: id, fromSdk: true, expiresIn: null, scopes, targets });
      const before = countCodeExchanges(context);
      const response = await api(context).post(`/v1/connect-sessions/${session.id}/complete`, {
        code,
        waba_id: WABA,
        business_id: BUSINESS,
      });
      expect(response.status).toBe(201);
      expect(countCodeExchanges(context)).toBe(before + 1);
      expect(response.body).toMatchObject({
        status_reason: null,
        credentials: [{ kind: 'system_user', expires_at: null }],
      });
      expect(response.body.assets).toEqual([
        expect.objectContaining({ type: 'phone_number', id: '320000000000403', parent_id: WABA }),
        expect.objectContaining({ type: 'whatsapp_business_account', id: WABA, name: 'Sandbox WhatsApp' }),
      ]);
      expect(Object.keys(context.sandbox.state.store.wabas.get(WABA)?.subscribedApps ?? {})).toEqual([
        context.sandbox.app.id,
      ]);
    });

    it('ignores a waba_id that Meta does not show to the token', async () => {
      const { id } = systemUser();
      const foreign = context.sandbox.state.make.waba({ businessId: context.sandbox.state.make.business().id });
      const { accessToken } = context.sandbox.state.make.token({ userId: id });
      const session = await createSession(context, { tenant: 'wa-liar', product: 'whatsapp', flow: 'embedded_signup' });
      const response = await api(context).post(`/v1/connect-sessions/${session.id}/complete`, {
        access_token: accessToken,
        waba_id: foreign.id,
      });
      expect(response.status).toBe(201);
      expect(response.body.assets.map((asset: { id: string }) => asset.id)).not.toContain(foreign.id);
    });
  });

  it('GET /meta/config is public', async () => {
    const response = await api(context, 'no key').get('/meta/config');
    expect(response.status).toBe(200);
    expect(response.body).toMatchObject({
      app_id: context.sandbox.app.id,
      graph_api_version: DEFAULT_GRAPH_API_VERSION,
    });
    expect(Object.keys(response.body.products).sort()).toEqual(['ads', 'instagram', 'pages', 'threads', 'whatsapp']);
    expect(response.body.products.pages).toMatchObject({
      scopes: ['pages_show_list', 'pages_read_engagement'],
      config_id: null,
    });
  });
});
