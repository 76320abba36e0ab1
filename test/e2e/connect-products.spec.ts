import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import {
  browseToCallback,
  type ConnectTestContext,
  completeConnect,
  connectionAt,
  countCodeExchanges,
  createSession,
  openConnectTestContext,
  RETURN_ORIGIN,
  TestBrowser,
} from '../support/connect-test-context.ts';

const WABA = '310000000000402';
const CONFIG_ID = '777000777000';
const ORIGIN = 'http://localhost:3000';

describe('connecting each product', () => {
  let context: ConnectTestContext;
  beforeAll(async () => {
    context = await openConnectTestContext({
      environment: { META_LOGIN_CONFIG_ID_WHATSAPP: CONFIG_ID, META_LOGIN_CONFIG_ID_ADS: CONFIG_ID },
    });
    const scopes = ['whatsapp_business_management', 'whatsapp_business_messaging', 'ads_management', 'ads_read'];
    context.sandbox.state.addConfiguration({ id: CONFIG_ID, tokenType: 'system_user', scopes, expiresIn: null });
  });
  afterAll(() => context.close());

  const view = (end: URL) => connectionAt(context, end);

  it.each([
    ['data', 'number', 'string'],
    ['flat', 'string', 'array'],
    ['flat', 'number', 'missing'],
  ] as const)(
    'Instagram Login, with a %s response, a %s id and %s permissions',
    async (instagramExchangeShape, instagramUserId, instagramPermissions) => {
      context.sandbox.state.patchSettings({ instagramExchangeShape, instagramUserId, instagramPermissions });
      const connection = await view(await completeConnect(context, { product: 'instagram', flow: 'instagram_login' }));
      expect(connection).toMatchObject({
        flow: 'instagram_login',
        app_id: context.sandbox.app.instagramAppId,
        meta_user_id: '17841400000000301',
        status_reason: null,
      });
      expect(connection.scopes).toContain('instagram_business_basic');
      expect(connection.credentials).toMatchObject([
        { kind: 'instagram_user', expires_at: '2027-01-21T11:59:04.000Z' },
      ]);
      expect(connection.assets).toMatchObject([{ type: 'instagram_account', id: '17841400000000301' }]);
    },
  );

  it('Instagram Login, denied, and with a used code in its own error shape', async () => {
    const body = { product: 'instagram', flow: 'instagram_login' };
    expect((await completeConnect(context, body, { action: 'deny' })).searchParams.get('error')).toBe('access_denied');
    const { browser, callback } = await browseToCallback(context, body);
    const forged = new URL(callback);
    forged.searchParams.set('code', 'AQgarbage');
    expect((await browser.get(forged.href)).headers['location']).toContain('error=code_rejected');
  });

  it('Threads Login', async () => {
    const connection = await view(await completeConnect(context, { product: 'threads', flow: 'threads_login' }));
    expect(connection).toMatchObject({
      app_id: context.sandbox.app.threadsAppId,
      meta_user_id: '26000000000000303',
      status_reason: null,
    });
    expect(connection.credentials).toMatchObject([{ kind: 'threads_user', expires_at: '2027-01-21T11:59:04.000Z' }]);
  });

  it('Instagram through Facebook Login finds the account linked to a Page', async () => {
    const connection = await view(await completeConnect(context, { product: 'instagram' }));
    expect(connection.status_reason).toBeNull();
    const page = connection.credentials.find((credential) => credential.subject_id === '200000000000201');
    expect(connection.assets).toContainEqual({
      type: 'instagram_account',
      id: '17841400000000301',
      name: 'sandbox.bakery',
      credential_id: page?.id,
      usable: true,
      parent_id: '200000000000201',
    });
  });

  it('a login configuration gives a system-user token, kept as is', async () => {
    const conversions = () =>
      context.sandbox.state.log.list().filter((call) => call.grantType === 'fb_exchange_token').length;
    const before = conversions();
    const { session, browser, dialog, callback } = await browseToCallback(context, { product: 'ads' });
    expect(session.js_sdk).toMatchObject({ config_id: CONFIG_ID, scope: null });
    expect([dialog.searchParams.get('config_id'), dialog.searchParams.get('scope')]).toEqual([CONFIG_ID, null]);
    const response = await browser.get(callback);
    const connection = await view(new URL(String(response.headers['location'])));
    expect(connection.credentials).toMatchObject([{ kind: 'system_user', expires_at: null }]);
    expect(connection.assets).toMatchObject([{ type: 'ad_account', id: 'act_330000000000404' }]);
    expect(conversions()).toBe(before);
  });

  describe('Embedded Signup on our page', () => {
    const start = async (body: Record<string, unknown> = {}) => {
      const session = await createSession(context, { product: 'whatsapp', flow: 'embedded_signup', ...body });
      const browser = new TestBrowser(context);
      const shown = await browser.get(session.connect_url);
      const path = new URL(session.connect_url).pathname;
      const post = (to: 'complete' | 'cancel', given: object, headers: Record<string, string> = {}) =>
        request(context.replica.app.getHttpServer())
          .post(`${path}/${to}`)
          .set({ Cookie: browser.cookieHeader, Origin: ORIGIN, ...headers })
          .send(given);
      return { session, browser, shown, path, post };
    };
    const sdkCode = () => {
      const { id } = context.sandbox.state.make.user({ kind: 'system_user', businessId: '300000000000401' });
      const scopes = ['whatsapp_business_management', 'whatsapp_business_messaging'];
      return context.sandbox.state.make.code({ userId: id, fromSdk: true, expiresIn: null, scopes });
    };

    it('has a policy that runs only its script and the SDK', async () => {
      const { shown, session } = await start();
      expect([shown.status, shown.type]).toEqual([200, 'text/html']);
      const policy = String(shown.headers['content-security-policy']);
      const nonce = /'nonce-([^']+)'/.exec(policy)?.[1] ?? '';
      expect(policy).toContain("default-src 'none'");
      expect(policy).not.toContain("script-src 'unsafe-inline'");
      expect(shown.text.match(/<script (?!type="application\/json")/g)).toHaveLength(1);
      expect(shown.text).toContain(`nonce="${nonce}"`);
      const setup = JSON.parse(/id="setup">(.*?)<\/script>/.exec(shown.text)?.[1] ?? '') as {
        sdk: unknown;
        sdkUrl: string;
      };
      expect(setup.sdk).toEqual(session.js_sdk);
      expect((await fetch(setup.sdkUrl)).status).toBe(200);
    });

    it('completes with the code and the ids, and repeats the result the second time', async () => {
      const { post } = await start();
      const before = countCodeExchanges(context);
      const given = { code: sdkCode(), waba_id: WABA, phone_number_id: '320000000000403' };
      const responses = [await post('complete', given), await post('complete', given)];
      expect(responses.map((response) => response.status)).toEqual([200, 200]);
      expect(responses[1]?.body).toEqual(responses[0]?.body);
      expect(countCodeExchanges(context)).toBe(before + 1);
      const end = new URL(responses[0]?.body.redirect_to);
      expect(end.origin).toBe(RETURN_ORIGIN);
      const connection = await view(end);
      expect(connection.assets.map((asset) => [asset.type, asset.id])).toEqual([
        ['phone_number', '320000000000403'],
        ['whatsapp_business_account', WABA],
      ]);
    });

    it('ends on our page without a return_url', async () => {
      const { post, browser } = await start({ return_url: undefined });
      const { body } = await post('complete', { code: sdkCode(), waba_id: WABA });
      expect(body.redirect_to).toMatch(/^http:\/\/localhost:3000\/connect\/cns_[^/]+\/done\?attempt=[0-9a-f]{16}$/);
      const shown = await browser.get(body.redirect_to);
      expect([shown.status, shown.text.includes('Connected')]).toEqual([200, true]);
      expect((await new TestBrowser(context).get(body.redirect_to)).status).toBe(400);
    });

    it('reports a refused code and a user who left', async () => {
      const refused = await start();
      expect((await refused.post('complete', { code: 'AQforged' })).body.redirect_to).toBe(
        `${RETURN_ORIGIN}/done?status=error&error=code_rejected`,
      );
      const left = await start();
      expect((await left.post('cancel', {})).body.redirect_to).toBe(
        `${RETURN_ORIGIN}/done?status=error&error=access_denied`,
      );
    });

    it('accepts nothing from another site, another browser, or another flow', async () => {
      const { post, path } = await start();
      const code = sdkCode();
      for (const headers of [{ Origin: 'https://evil.example' }, { Origin: 'null' }, { Cookie: '' }]) {
        const response = await post('complete', { code }, headers);
        expect([response.status, response.body.code]).toEqual([400, 'state_mismatch']);
      }
      const noOrigin = await request(context.replica.app.getHttpServer()).post(`${path}/complete`).send({ code });
      expect(noOrigin.status).toBe(400);
      expect((await post('complete', { code, extra: 1 })).body.code).toBe('invalid_request');
      const other = await createSession(context);
      const elsewhere = await request(context.replica.app.getHttpServer())
        .post(`${new URL(other.connect_url).pathname}/complete`)
        .set('Origin', ORIGIN)
        .send({ code });
      expect(elsewhere.status).toBe(404);
      expect((await post('complete', { code, waba_id: WABA })).status).toBe(200);
    });
  });
});
