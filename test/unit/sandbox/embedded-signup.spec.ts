import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { seedIds } from '../../../src/sandbox/state/default-seed.ts';
import { type Callbacks, startCallbacks } from './callback-listener.ts';
import { at, bearer, call, exchange, form, json, type Reply, redirectUri, start, textAt } from './sandbox-harness.ts';

let sandbox: Sandbox;
let callbacks: Callbacks;
beforeEach(async () => {
  sandbox = await start();
  callbacks = await startCallbacks();
});
afterEach(async () => {
  await sandbox.close();
  await callbacks.close();
});

const COEXISTENCE = { featureType: 'whatsapp_business_app_onboarding' };
const graph = (path: string, init: RequestInit) => call(`${sandbox.url}/graph.facebook.com/v26.0/${path}`, init);
const control = (path: string, body: unknown) => call(`${sandbox.url}/__sandbox/${path}`, json(body));

function open(query: Record<string, string | undefined>): Promise<Reply> {
  const all: Record<string, string | undefined> = {
    client_id: sandbox.app.id,
    config_id: seedIds.signupConfiguration,
    response_type: 'code',
    override_default_response_type: 'true',
    sandbox_action: 'approve',
    ...query,
  };
  const given = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return call(`${sandbox.url}/www.facebook.com/v26.0/dialog/oauth?${new URLSearchParams(given)}`);
}
const popup = (extras?: unknown, query: Record<string, string | undefined> = {}) =>
  open({
    sandbox_sdk_origin: 'http://localhost:3000',
    ...(extras === undefined ? {} : { extras: JSON.stringify(extras) }),
    ...query,
  });
const fullPage = (query: Record<string, string | undefined> = {}) =>
  open({ redirect_uri: redirectUri, state: 's1', ...query });

interface Ending {
  response: { authResponse: { code: string } } | null;
  silent: boolean;
  signup: string | null;
}
const endingOf = (page: Reply): Ending => JSON.parse(/^const \{.*\} = (.*);$/m.exec(page.text)?.[1] ?? '') as Ending;
const messageOf = (page: Reply) => JSON.parse(endingOf(page).signup ?? 'null') as { event: string; data: unknown };
async function tokenOf(page: Reply): Promise<string> {
  const { code } = endingOf(page).response?.authResponse ?? { code: '' };
  return textAt(await exchange(sandbox, { code }), 'access_token');
}
const inspect = async (token: string) =>
  at(await graph(`debug_token?input_token=${token}`, bearer(`${sandbox.app.id}|${sandbox.app.secret}`)), 'data');

describe('Embedded Signup v4', () => {
  it.each([
    ['nothing', undefined],
    ['empty extras', {}],
    ['coexistence', COEXISTENCE],
    ['features', { features: [{ name: 'app_only_install' }] }],
    ['a version', { version: 'v4' }],
    ['pre-filled data with a version', { version: 'v4', setup: { business: { name: 'A' } } }],
  ])('starts with %s', async (_what, extras) => {
    expect(endingOf(await popup(extras)).response?.authResponse.code).toEqual(expect.any(String));
  });

  it.each([
    ['v2 with setup', { setup: {} }],
    ['v2 with sessionInfoVersion', { sessionInfoVersion: '3', featureType: '' }],
    ['v3', { version: 'v3', sessionInfoVersion: '3' }],
    ['a feature of older versions', { feature: 'whatsapp_embedded_signup' }],
    ['an unknown feature type', { featureType: 'only_waba_sharing' }],
    ['features that are no objects', { features: ['app_only_install'] }],
  ])('shows an error page for %s', async (_what, extras) => {
    for (const page of [await popup(extras), await fullPage({ extras: JSON.stringify(extras) })]) {
      expect([page.status, page.headers.get('location')]).toEqual([200, null]);
      expect(page.text).toContain('id="error"');
    }
  });

  it('needs a login configuration', async () => {
    const scope = 'whatsapp_business_management';
    const pages = [
      await popup(undefined, { config_id: undefined, scope }),
      await popup(COEXISTENCE, { config_id: undefined, scope }),
      await fullPage({ config_id: undefined, scope, extras: JSON.stringify(COEXISTENCE) }),
    ];
    for (const page of pages) expect(page.text).toContain('config_id is missing');
    expect((await popup({}, { config_id: undefined, scope: 'pages_show_list' })).text).toContain('"code":');
  });

  it('takes no portfolio that owns the app', async () => {
    await control('apps/patch', { businessId: seedIds.business });
    expect((await popup()).text).toContain('owns the app');
  });

  it('gives tokens of sixty days', async () => {
    const token = await tokenOf(await popup());
    expect(await inspect(token)).toMatchObject({
      type: 'SYSTEM_USER',
      expires_at: Math.floor(sandbox.state.now() / 1000) + 5_184_000,
    });
  });
});

describe('the full page', () => {
  it('comes back with a code that is exchanged with its redirect_uri, and no message', async () => {
    const back = await fullPage({ extras: '{}' });
    expect(back.status).toBe(302);
    const { searchParams } = new URL(back.headers.get('location') ?? '');
    expect(searchParams.get('state')).toBe('s1');
    const code = searchParams.get('code') ?? '';
    expect(at(await exchange(sandbox, { code }), 'error.error_subcode')).toBe(36008);
    expect(at(await exchange(sandbox, { code, redirect_uri: `${redirectUri}/` }), 'error.error_subcode')).toBe(36008);
    const token = textAt(await exchange(sandbox, { code, redirect_uri: redirectUri }), 'access_token');
    expect(await inspect(token)).toMatchObject({
      granular_scopes: expect.arrayContaining([
        { scope: 'whatsapp_business_management', target_ids: [seedIds.waba] },
        { scope: 'whatsapp_business_messaging', target_ids: [seedIds.waba] },
      ]),
    });
  });

  it('gives the code of the popup for an exchange without one', async () => {
    const { code } = endingOf(await popup()).response?.authResponse ?? { code: '' };
    expect(at(await exchange(sandbox, { code, redirect_uri: redirectUri }), 'error.error_subcode')).toBe(36008);
    expect((await exchange(sandbox, { code })).status).toBe(200);
  });
});

describe('numbers', () => {
  it('may be missing', async () => {
    await control('settings', { embeddedSignup: { phone: 'none' } });
    const page = await popup();
    const { event, data } = messageOf(page);
    expect(event).toBe('FINISH_ONLY_WABA');
    expect(Object.keys(data as object)).toEqual(['waba_id', 'business_id']);
    const token = await tokenOf(page);
    expect(at(await graph(`${textAt(data, 'waba_id')}/phone_numbers`, bearer(token)), 'data')).toEqual([]);
    expect(messageOf(await popup()).data).toEqual(data);
  });

  it('may be unverified, until the code is given', async () => {
    await control('settings', { embeddedSignup: { phone: 'unverified' } });
    const page = await popup();
    const phone = textAt(messageOf(page).data, 'phone_number_id');
    const token = await tokenOf(page);
    const fields = async () =>
      (await graph(`${phone}?fields=code_verification_status,status,platform_type`, bearer(token))).json;
    expect(await fields()).toMatchObject({ code_verification_status: 'NOT_VERIFIED', status: 'UNVERIFIED' });
    const post = (edge: string, body: Record<string, string>) => graph(`${phone}/${edge}`, bearer(token, form(body)));
    const pin = { messaging_product: 'whatsapp', pin: '123456' };
    expect(at(await post('register', pin), 'error.code')).toBe(133006);
    expect((await post('request_code', { code_method: 'SMS', language: 'en_US' })).json).toEqual({ success: true });
    expect((await post('verify_code', { code: 'abc' })).status).toBe(400);
    expect((await post('verify_code', { code: '123456' })).json).toEqual({ success: true });
    expect((await post('register', pin)).json).toEqual({ success: true });
    expect(await fields()).toMatchObject({
      code_verification_status: 'VERIFIED',
      status: 'CONNECTED',
      platform_type: 'CLOUD_API',
    });
  });
});

describe('tokens whose scopes are others', () => {
  it.each([
    [['whatsapp_business_manage_events'], { whatsapp_business_manage_events: [seedIds.waba] }],
    [['business_management'], { business_management: [seedIds.business] }],
  ])('names %j, and the account answers', async (scopes, targets) => {
    await tokenOf(await popup());
    await control('settings', { embeddedSignup: { scopes } });
    const token = await tokenOf(await popup());
    expect(await inspect(token)).toMatchObject({
      scopes,
      granular_scopes: Object.entries(targets).map(([scope, target_ids]) => ({ scope, target_ids })),
    });
    expect((await graph(`${seedIds.waba}?fields=id,name`, bearer(token))).status).toBe(200);
    expect((await graph(`${seedIds.waba}/phone_numbers`, bearer(token))).status).toBe(200);
  });
});

describe('account_update', () => {
  const configure = () => control('apps/patch', { webhookUrl: callbacks.url });
  const added = {
    object: 'whatsapp_business_account',
    entry: [
      {
        id: seedIds.business,
        time: expect.any(Number),
        changes: [
          {
            field: 'account_update',
            value: {
              event: 'PARTNER_ADDED',
              waba_info: { waba_id: seedIds.waba, owner_business_id: seedIds.business },
            },
          },
        ],
      },
    ],
  };

  it.each(['lost', 'silent'])('comes where the code is %s', async (code) => {
    await configure();
    await control('settings', { embeddedSignup: { code, message: 'lost' } });
    expect(endingOf(await popup())).toMatchObject({ response: null, signup: null, silent: code === 'silent' });
    await sandbox.state.callbacks.waitForPending();
    expect(callbacks.received.map(({ json: body }) => body)).toEqual([added]);
    expect(callbacks.received[0]?.isSignedBy(sandbox.app.secret)).toBe(true);
    await control('settings', { embeddedSignup: {} });
    expect(endingOf(await popup()).response).not.toBeNull();
  });

  it('comes to the subscription of the app, and of hosted signups on demand', async () => {
    await control('settings', { embeddedSignup: { code: 'lost' } });
    expect(messageOf(await popup()).event).toBe('FINISH');
    expect(at(await control('whatsapp/partner-added', { wabaId: seedIds.waba }), 'error')).toContain('subscribe');
    const subscription = { object: 'whatsapp_business_account', callback_url: callbacks.url, verify_token: 'good' };
    await graph(
      `${sandbox.app.id}/subscriptions`,
      bearer(`${sandbox.app.id}|${sandbox.app.secret}`, form({ ...subscription, fields: 'account_update' })),
    );
    await popup();
    await sandbox.state.callbacks.waitForPending();
    await control('whatsapp/partner-added', { wabaId: seedIds.waba });
    expect(callbacks.received.map(({ json: body }) => body)).toEqual([added, added]);
    await control('whatsapp/partner-added', { wabaId: seedIds.waba, event: 'PARTNER_APP_INSTALLED' });
    expect(JSON.stringify(callbacks.received[2]?.json)).toContain('PARTNER_APP_INSTALLED');
  });
});
