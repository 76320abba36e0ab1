import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { appsecretProof } from '../../../src/sandbox/tokens/graph-caller.ts';
import { startCallbacks } from './callback-listener.ts';
import { at, bearer, call, form, json, type Reply, redirectUri, start, textAt } from './sandbox-harness.ts';

const instagramUser = '25000000000000302';
const accountId = '17841400000000301';
const threadsUser = '26000000000000303';
let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await start();
});
afterEach(() => sandbox.close());
afterAll(() => undefined);

const code = (userId: string) => sandbox.state.make.code({ userId, redirectUri });
function exchangeInstagram(values: Record<string, string> = {}): Promise<Reply> {
  return call(
    `${sandbox.url}/api.instagram.com/oauth/access_token`,
    form({
      client_id: sandbox.app.instagramAppId,
      client_secret: sandbox.app.instagramAppSecret,
      grant_type: 'authorization_code',
      redirect_uri: redirectUri,
      code: code(instagramUser),
      ...values,
    }),
  );
}
const instagram = (path: string, init: RequestInit = {}) => call(`${sandbox.url}/graph.instagram.com/${path}`, init);

describe('Instagram code exchange (docs/meta-facts.md#instagram-code-exchange)', () => {
  it('answers the documented data[] shape, the id as a bare number above 2^53', async () => {
    const reply = await exchangeInstagram();
    expect(reply.status).toBe(200);
    expect(reply.text).toContain(`"user_id":${accountId}`);
    expect(Object.keys(at(reply, 'data.0') as object)).toEqual(['access_token', 'user_id', 'permissions']);
    expect(textAt(reply, 'data.0.permissions')).toContain('instagram_business_basic,');
    expect(textAt(reply, 'data.0.access_token')).toMatch(/^IGAA[A-Za-z0-9]+$/);
  });

  it('answers the other recorded shapes', async () => {
    sandbox.state.patchSettings({
      instagramExchangeShape: 'flat',
      instagramUserId: 'string',
      instagramPermissions: 'array',
    });
    const flat = await exchangeInstagram();
    expect(at(flat, 'user_id')).toBe(accountId);
    expect(Array.isArray(at(flat, 'permissions'))).toBe(true);
    sandbox.state.patchSettings({ instagramPermissions: 'missing' });
    expect(Object.keys((await exchangeInstagram()).json as object)).toEqual(['access_token', 'user_id']);
  });

  it('refuses in its own envelope', async () => {
    const file = new URL('../../support/recorded/error_bodies_reported.json', import.meta.url);
    const cases = (JSON.parse(readFileSync(file, 'utf8')) as { cases: { body: Record<string, unknown> }[] }).cases;
    const recorded = cases.find((one) => 'error_type' in one.body)?.body;
    const unknown = await exchangeInstagram({ code: 'x' });
    expect([unknown.status, unknown.json]).toEqual([400, recorded]);
    const spent = code(instagramUser);
    await exchangeInstagram({ code: spent });
    expect(at(await exchangeInstagram({ code: spent }), 'error_message')).toBe('This authorization code has been used');
    expect(at(await exchangeInstagram({ client_id: sandbox.app.id }), 'error_message')).toBe('Invalid platform app');
    for (const wrong of [{ client_secret: 'x' }, { redirect_uri: `${redirectUri}/` }]) {
      expect(textAt(await exchangeInstagram(wrong), 'error_message')).toContain('redirect_uri is identical');
    }
    const old = code(instagramUser);
    sandbox.state.advanceClock(3600);
    expect(at(await exchangeInstagram({ code: old }), 'error_message')).toBe(recorded?.error_message);
  });
});

describe('Instagram long tokens (docs/meta-facts.md#instagram-long-lived-tokens)', () => {
  const short = async () => textAt(await exchangeInstagram(), 'data.0.access_token');
  const swap = (token: string, secret = sandbox.app.instagramAppSecret) =>
    instagram(
      `access_token?${new URLSearchParams({ grant_type: 'ig_exchange_token', client_secret: secret, access_token: token })}`,
    );
  const refresh = (token: string, init: RequestInit = {}) =>
    instagram(
      `refresh_access_token?${new URLSearchParams({ grant_type: 'ig_refresh_token', access_token: token })}`,
      init,
    );

  it('exchanges and, a day later, refreshes', async () => {
    const first = await swap(await short());
    expect(first.json).toEqual({ access_token: expect.any(String), token_type: 'bearer', expires_in: 5183944 });
    const long = textAt(first, 'access_token');
    const early = await refresh(long);
    expect([early.status, at(early, 'error.code'), at(early, 'error.type')]).toEqual([400, 100, 'IGApiException']);
    sandbox.state.patchSettings({ earlyRefresh: 'remaining_life' });
    expect(at(await refresh(long), 'access_token')).toBe(long);
    sandbox.state.advanceClock(86_400);
    const fresh = await refresh(long);
    expect(fresh.json).toMatchObject({
      token_type: 'bearer',
      expires_in: 5183944,
      permissions: expect.stringContaining('instagram_business_basic'),
    });
    expect(textAt(fresh, 'access_token')).not.toBe(long);
    sandbox.state.patchSettings({ refreshReturns: 'same_token' });
    expect(at(await refresh(textAt(fresh, 'access_token')), 'error')).toBeUndefined();
  });

  it('can give the same string with a later end', async () => {
    const long = textAt(await swap(await short()), 'access_token');
    sandbox.state.patchSettings({ refreshReturns: 'same_token' });
    sandbox.state.advanceClock(5_000_000);
    expect((await refresh(long)).json).toMatchObject({ access_token: long, expires_in: 5183944 });
    sandbox.state.advanceClock(5_000_000);
    expect((await instagram(`me?access_token=${long}`)).status).toBe(200);
  });

  it('refuses a wrong secret with code 100, POST, short tokens and dead ones', async () => {
    const token = await short();
    expect((await swap(token, 'x')).json).toMatchObject({
      error: { message: 'Error validating client secret', code: 100 },
    });
    const long = textAt(await swap(token), 'access_token');
    sandbox.state.advanceClock(90_000);
    expect(at(await refresh(long, { method: 'POST' }), 'error.message')).toBe('Unsupported request - method type: get');
    sandbox.state.advanceClock(5_200_000);
    expect((await refresh(long)).json).toMatchObject({ error: { code: 190, error_subcode: 463 } });
    sandbox.state.patchSettings({ deadRefresh: 'unsupported' });
    expect((await refresh(long)).json).toMatchObject({
      error: { code: 100, message: 'Unsupported request - method type: get' },
    });
  });

  it('tells the two ids of /me, with the headers of that host', async () => {
    const reply = await instagram('v26.0/me?fields=id,user_id,username', bearer(await short()));
    expect(reply.json).toEqual({ id: instagramUser, user_id: accountId, username: 'sandbox.bakery' });
    expect(reply.headers.get('instagram-api-version')).toBe('v26.0');
    expect(reply.headers.get('x-app-usage')).toBe('{"call_volume":0,"cpu_time":0}');
  });

  it("can't parse tokens of Facebook, and checks proofs with the Instagram secret", async () => {
    const foreign = sandbox.state.make.token({ userId: '100000000000101' }).accessToken;
    expect((await instagram('me', bearer(foreign))).json).toMatchObject({
      error: { code: 190, message: 'Invalid OAuth access token - Cannot parse access token' },
    });
    const token = await short();
    expect(
      (await instagram(`me?appsecret_proof=${appsecretProof(sandbox.app.instagramAppSecret, token)}`, bearer(token)))
        .status,
    ).toBe(200);
    expect(
      (await instagram(`me?appsecret_proof=${appsecretProof(sandbox.app.secret, token)}`, bearer(token))).status,
    ).toBe(400);
    expect((await instagram('me/shoes', bearer(token))).json).toMatchObject({
      error: { type: 'IGApiException', code: 2500 },
    });
  });

  it('publishes in two steps', async () => {
    const token = await short();
    const container = await instagram(
      'me/media',
      bearer(token, form({ image_url: 'https://example.com/a.jpg', caption: 'hi' })),
    );
    const published = await instagram(
      'me/media_publish',
      bearer(token, form({ creation_id: textAt(container, 'id') })),
    );
    expect(textAt(published, 'id')).not.toBe(textAt(container, 'id'));
    expect(at(await instagram('me/media_publish', bearer(token, form({ creation_id: '1' }))), 'error.code')).toBe(100);
  });
});

describe('Threads (docs/meta-facts.md#threads)', () => {
  const threads = (path: string, init: RequestInit = {}) => call(`${sandbox.url}/graph.threads.net/${path}`, init);
  const client = () => ({ client_id: sandbox.app.threadsAppId, client_secret: sandbox.app.threadsAppSecret });

  it('walks from code to long token to refresh', async () => {
    const query = new URLSearchParams({
      ...client(),
      grant_type: 'authorization_code',
      redirect_uri: redirectUri,
      code: code(threadsUser),
    });
    const first = await threads(`oauth/access_token?${query}`, { method: 'POST' });
    expect(first.text).toMatch(new RegExp(`^\\{"access_token":"TH[A-Za-z0-9]+","user_id":${threadsUser}\\}$`));
    expect((await threads(`oauth/access_token?${query}`, { method: 'POST' })).status).toBe(400);
    const long = await threads(
      `access_token?${new URLSearchParams({ grant_type: 'th_exchange_token', client_secret: sandbox.app.threadsAppSecret, access_token: textAt(first, 'access_token') })}`,
    );
    const refresh = () =>
      threads(
        `refresh_access_token?${new URLSearchParams({ grant_type: 'th_refresh_token', access_token: textAt(long, 'access_token') })}`,
      );
    expect(at(await refresh(), 'error.type')).toBe('THApiException');
    sandbox.state.advanceClock(86_400);
    expect(at(await refresh(), 'expires_in')).toBe(5183944);
    const app = textAt(
      await threads(`oauth/access_token?${new URLSearchParams({ ...client(), grant_type: 'client_credentials' })}`),
      'access_token',
    );
    expect(app.startsWith(`TH|${sandbox.app.threadsAppId}|`)).toBe(true);
    const seen = await threads(
      `debug_token?${new URLSearchParams({ input_token: textAt(long, 'access_token'), access_token: app })}`,
    );
    expect(at(seen, 'data')).toMatchObject({ is_valid: true, user_id: threadsUser });
    expect(at(await threads('v1.0/me?fields=id,username', bearer(textAt(long, 'access_token'))), 'username')).toBe(
      'sandbox.threads',
    );
  });

  it.each(['graph.threads.net', 'graph.threads.com'])(
    'answers at %s, and takes no code with the end of its fragment',
    async (host) => {
      const swap = (given: string) => {
        const query = { ...client(), grant_type: 'authorization_code', redirect_uri: redirectUri, code: given };
        return call(`${sandbox.url}/${host}/oauth/access_token`, form(query));
      };
      const own = code(threadsUser);
      expect((await swap(`${own}#_`)).status).toBe(400);
      const token = textAt(await swap(own), 'access_token');
      const me = await call(`${sandbox.url}/${host}/v1.0/me`, bearer(token));
      expect([me.status, me.headers.get('facebook-api-version')]).toEqual([200, 'v1.0']);
    },
  );

  it.each([false, true])('sends webhooks of its own shape, signed by its own app (list: %s)', async (asList) => {
    const callbacks = await startCallbacks();
    const value = { id: '1', root_post: { id: '2', owner_id: threadsUser }, text: 'Reply' };
    const body = { targetId: '2', value, asList, subscriptionId: '7', url: callbacks.url };
    expect((await call(`${sandbox.url}/__sandbox/threads/webhook`, json(body))).json).toMatchObject({ status: 200 });
    const change = { value, field: 'replies' };
    expect(callbacks.received[0]?.json).toEqual({
      app_id: sandbox.app.threadsAppId,
      topic: 'moderate',
      target_id: '2',
      time: expect.any(Number),
      subscription_id: '7',
      has_uid_field: false,
      values: asList ? [change] : change,
    });
    expect(callbacks.received[0]?.isSignedBy(sandbox.app.threadsAppSecret)).toBe(true);
    await callbacks.close();
  });
});
