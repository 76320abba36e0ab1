import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { at, bearer, call, exchange, type Reply, redirectUri, start, textAt } from './sandbox-harness.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await start();
});
afterAll(() => sandbox.close());

const file = new URL('../../support/recorded/oauth_callback_queries.json', import.meta.url);
const recorded = (
  JSON.parse(readFileSync(file, 'utf8')) as { cases: { what: string; query: Record<string, string> }[] }
).cases;
const recordedQuery = (start: string) => recorded.find((one) => one.what.startsWith(start))?.query;

function open(
  query: Record<string, string>,
  path = '/www.facebook.com/v26.0/dialog/oauth',
  init: RequestInit = {},
): Promise<Reply> {
  const all = {
    client_id: sandbox.app.id,
    redirect_uri: redirectUri,
    state: 'a b&c',
    scope: 'email,pages_show_list',
    ...query,
  };
  return call(`${sandbox.url}${path}?${new URLSearchParams(all)}`, init);
}

function callback(reply: Reply): { query: Record<string, string>; fragment: string; base: string } {
  expect(reply.status).toBe(302);
  const target = new URL(reply.headers.get('location') ?? '');
  return {
    query: Object.fromEntries(target.searchParams),
    fragment: target.hash,
    base: target.origin + target.pathname,
  };
}

describe('Facebook dialog (docs/meta-facts.md#oauth-dialog)', () => {
  it('sends code and state back, with the fragment of old', async () => {
    const { query, fragment, base } = callback(await open({ sandbox_action: 'approve' }));
    expect(base).toBe(redirectUri);
    expect(query).toEqual({ code: expect.any(String), state: 'a b&c' });
    expect(fragment).toBe('#_=_');
  });

  it('keeps the query of the redirect_uri', async () => {
    const reply = await open({ sandbox_action: 'approve', redirect_uri: `${redirectUri}?tenant=1` });
    expect(callback(reply).query).toMatchObject({ tenant: '1', state: 'a b&c' });
  });

  it('tells a refusal as recorded', async () => {
    const { query, fragment } = callback(await open({ sandbox_action: 'deny' }));
    expect(query).toEqual({ ...recordedQuery('user refuses (Facebook)'), state: 'a b&c' });
    expect(fragment).toBe('#_=_');
  });

  it('has the shape without an error key', async () => {
    const { query } = callback(await open({ sandbox_action: 'error_901' }));
    expect(query).toEqual({ ...recordedQuery('app not public'), state: 'a b&c' });
  });

  it.each([
    ['an unknown app', { client_id: '111111111111111' }],
    ['no redirect_uri', { redirect_uri: '' }],
    ['a relative redirect_uri', { redirect_uri: '/callback' }],
    ['an unknown configuration', { config_id: '5' }],
    ['a malformed scope', { scope: 'email;drop' }],
  ])('shows a page, and redirects nowhere, for %s', async (_what, query) => {
    const reply = await open({ sandbox_action: 'approve', ...query });
    expect(reply.status).toBe(200);
    expect(reply.headers.get('location')).toBeNull();
    expect(reply.headers.get('content-type')).toContain('text/html');
    expect(reply.text).toContain('id="error"');
  });

  it('holds redirect_uri to the list of the app, byte for byte', async () => {
    sandbox.state.patchApp(undefined, { redirectUris: [redirectUri] });
    expect((await open({ sandbox_action: 'approve' })).status).toBe(302);
    expect((await open({ sandbox_action: 'approve', redirect_uri: `${redirectUri}?x=1` })).text).toContain(
      'URL Blocked',
    );
    sandbox.state.patchApp(undefined, { redirectUris: null });
  });

  it('keeps people without a role out of an app in development', async () => {
    sandbox.state.patchApp(undefined, { live: false });
    expect((await open({ sandbox_action: 'approve' })).text).toContain('Insufficient Developer Role');
    sandbox.state.make.patchUser('100000000000101', { developerOf: [sandbox.app.id] });
    expect((await open({ sandbox_action: 'approve' })).status).toBe(302);
    sandbox.state.patchApp(undefined, { live: true });
    sandbox.state.make.patchUser('100000000000101', { developerOf: [] });
  });

  it('shows a form that a user can send, with single scopes taken away', async () => {
    const user = sandbox.state.make.user({ name: 'Ada <b>' });
    const page = await open({});
    expect(page.status).toBe(200);
    expect(page.text).toContain('value="pages_show_list"');
    expect(page.text).toContain('Ada &#60;b&#62;');
    const body = new URLSearchParams({ user: user.id, grant: 'email', action: 'approve' });
    const { query } = callback(await open({}, undefined, { method: 'POST', body }));
    expect(query.code).toEqual(expect.any(String));
    expect(user.grants[sandbox.app.id]).toMatchObject({
      scopes: ['public_profile', 'email'],
      declined: ['pages_show_list'],
    });
    const no = callback(
      await open({}, undefined, { method: 'POST', body: new URLSearchParams({ user: user.id, action: 'deny' }) }),
    );
    expect(no.query.error).toBe('access_denied');
  });

  it('asks again for declined scopes only with auth_type=rerequest', async () => {
    const user = sandbox.state.make.user();
    const grant = () => user.grants[sandbox.app.id];
    await open({ sandbox_action: 'approve', sandbox_user: user.id, sandbox_decline: 'email' });
    expect(grant()).toMatchObject({ scopes: ['public_profile', 'pages_show_list'], declined: ['email'] });
    await open({ sandbox_action: 'approve', sandbox_user: user.id });
    expect(grant()?.declined).toEqual(['email']);
    await open({ sandbox_action: 'approve', sandbox_user: user.id, auth_type: 'rerequest' });
    expect(grant()).toMatchObject({ scopes: ['public_profile', 'pages_show_list', 'email'], declined: [] });
  });

  it('answers at once by the control default', async () => {
    const user = sandbox.state.make.user();
    sandbox.state.setDialog({ action: 'approve', userId: user.id });
    expect(callback(await open({})).query.code).toEqual(expect.any(String));
    expect(user.grants[sandbox.app.id]?.active).toBe(true);
    sandbox.state.setDialog(null);
    expect((await open({})).status).toBe(200);
  });

  it('gives a system-user token for a configuration of that kind, whole or not at all', async () => {
    sandbox.state.addConfiguration({
      id: '777',
      tokenType: 'system_user',
      scopes: ['whatsapp_business_management'],
      expiresIn: null,
    });
    const wanted = {
      config_id: '777',
      response_type: 'code',
      sandbox_action: 'approve',
      sandbox_decline: 'whatsapp_business_management',
    };
    expect((await open(wanted)).status).toBe(200);
    const { query } = callback(await open({ ...wanted, override_default_response_type: 'true' }));
    const token = await exchange(sandbox, { code: query.code, redirect_uri: redirectUri });
    expect(token.json).toEqual({ access_token: expect.any(String), token_type: 'bearer' });
    const asked = new URLSearchParams({
      input_token: textAt(token, 'access_token'),
      access_token: `${sandbox.app.id}|${sandbox.app.secret}`,
    });
    const seen = await call(`${sandbox.url}/graph.facebook.com/v26.0/debug_token?${asked}`);
    expect(at(seen, 'data')).toMatchObject({
      type: 'SYSTEM_USER',
      expires_at: 0,
      data_access_expires_at: 0,
      is_valid: true,
      granular_scopes: [{ scope: 'whatsapp_business_management', target_ids: ['310000000000402'] }],
    });
    const me = await call(
      `${sandbox.url}/graph.facebook.com/v26.0/me?fields=client_business_id`,
      bearer(textAt(token, 'access_token')),
    );
    expect(at(me, 'client_business_id')).toBe('300000000000401');
  });
});

describe('Instagram and Threads dialogs (docs/meta-facts.md#instagram-login, docs/meta-facts.md#threads)', () => {
  const instagram = { scope: 'instagram_business_basic', sandbox_action: 'approve' };

  it('have their own fragment and their own refusal, without error_code', async () => {
    const path = '/www.instagram.com/oauth/authorize';
    const approved = callback(await open({ ...instagram, client_id: sandbox.app.instagramAppId }, path));
    expect(approved.fragment).toBe('#_');
    const denied = callback(
      await open({ ...instagram, client_id: sandbox.app.instagramAppId, sandbox_action: 'deny' }, path),
    );
    expect(denied.query).toEqual({ ...recordedQuery('user refuses (Instagram'), state: 'a b&c' });
  });

  it('know only their own app id and scopes', async () => {
    const path = '/www.instagram.com/oauth/authorize';
    expect((await open(instagram, path)).text).toContain('Invalid platform app');
    expect(
      (await open({ ...instagram, client_id: sandbox.app.instagramAppId, scope: 'business_basic' }, path)).text,
    ).toContain('Invalid Scopes');
    const threads = { client_id: sandbox.app.threadsAppId, sandbox_action: 'approve' };
    expect(
      (await open({ ...threads, scope: 'threads_basic,threads_content_publish' }, '/www.threads.com/oauth/authorize'))
        .status,
    ).toBe(302);
    expect(
      (await open({ ...threads, scope: 'threads_basic threads_content_publish' }, '/www.threads.com/oauth/authorize'))
        .status,
    ).toBe(200);
  });
});

describe('the hosts of Threads (docs/meta-facts.md)', () => {
  const threads = () => ({ scope: 'threads_basic', sandbox_action: 'approve', client_id: sandbox.app.threadsAppId });

  it('refuse the id of the Meta app, and of the Instagram app', async () => {
    for (const id of [sandbox.app.id, sandbox.app.instagramAppId]) {
      const page = await open({ ...threads(), client_id: id }, '/www.threads.com/oauth/authorize');
      expect([page.status, page.headers.get('location')]).toEqual([200, null]);
      expect(page.text).toContain('4476002');
    }
  });

  it('send people from the old one to the new one, with what was asked or without', async () => {
    for (const host of ['threads.net', 'www.threads.net']) {
      const moved = await open(threads(), `/${host}/oauth/authorize`);
      expect(moved.status).toBe(301);
      const target = moved.headers.get('location') ?? '';
      expect(target.startsWith(`${sandbox.url}/www.threads.com/oauth/authorize?`)).toBe(true);
      const { query, fragment } = callback(await call(target));
      expect([query.state, fragment]).toEqual(['a b&c', '#_']);
    }
    sandbox.state.patchSettings({ threadsRedirect: 'loses_query' });
    const moved = await open(threads(), '/threads.net/oauth/authorize');
    expect(moved.headers.get('location')).toBe(`${sandbox.url}/www.threads.com/oauth/authorize`);
    sandbox.state.patchSettings({ threadsRedirect: 'keeps_query' });
    expect((await call(`${sandbox.url}/www.threads.com/oauth/authorize`)).text).toContain('id="error"');
  });
});

describe('the sandbox JS SDK (docs/meta-facts.md#embedded-signup)', () => {
  it('opens a dialog whose page posts the login and the signup message', async () => {
    const sdk = await call(`${sandbox.url}/connect.facebook.net/en_US/sdk.js`);
    expect(sdk.text).toContain('/dialog/oauth?');
    expect(sdk.headers.get('content-type')).toContain('javascript');
    sandbox.state.addConfiguration({
      id: '778',
      tokenType: 'system_user',
      scopes: ['whatsapp_business_management'],
      expiresIn: null,
    });
    const query = {
      config_id: '778',
      response_type: 'code',
      override_default_response_type: 'true',
      sandbox_sdk_origin: 'http://localhost:3000',
      sandbox_action: 'approve',
    };
    const page = await open({ ...query, redirect_uri: '' });
    expect(page.status).toBe(200);
    const data = JSON.parse(/^const \{.*\} = (.*);$/m.exec(page.text)?.[1] ?? '') as {
      origin: string;
      signup: string;
      order: string;
      response: { authResponse: { code: string } };
    };
    expect(data).toMatchObject({ origin: 'http://localhost:3000', order: 'message_first' });
    expect(JSON.parse(data.signup)).toEqual({
      data: { phone_number_id: '320000000000403', waba_id: '310000000000402', business_id: '300000000000401' },
      type: 'WA_EMBEDDED_SIGNUP',
      event: 'FINISH',
    });
    expect((await exchange(sandbox, { code: data.response.authResponse.code })).status).toBe(200);
    const canceled = await open({ ...query, redirect_uri: '', sandbox_action: 'deny' });
    expect(canceled.text).toContain('CANCEL');
  });
});
