import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import type { ConnectionResponse } from '../../src/connections/connection/connection-response.dto.ts';
import {
  api,
  type ConnectTestContext,
  completeConnect,
  createSession,
  openConnectTestContext,
} from '../support/connect-test-context.ts';

const ADS = ['ads_management', 'ads_read'];
let context: ConnectTestContext;
beforeAll(async () => {
  context = await openConnectTestContext();
});
afterAll(() => context?.close());

const make = () => context.sandbox.state.make;
/** Connects a user through the dialog. */
async function through(product: string, user: string, decline: string[] = []): Promise<ConnectionResponse> {
  const end = await completeConnect(context, { product }, { user, decline });
  const id = end.searchParams.get('connection_id') ?? end.href;
  return (await api(context).get(`/v1/connections/${id}`).expect(200)).body as ConnectionResponse;
}
async function imported(product: string, token: string): Promise<ConnectionResponse> {
  const body = { tenant: 'acme', product, access_token: token };
  return (await api(context).post('/v1/connections/import', body).expect(201)).body as ConnectionResponse;
}

describe('Instagram through Facebook Login', () => {
  it('finds an account that only the last of many pages lists', async () => {
    const { id: userId } = make().user();
    for (let index = 0; index < 130; index++) make().page({ userIds: [userId] });
    const account = make().instagramAccount({ username: 'the.last' });
    const last = make().page({ userIds: [userId], instagramId: account.id });
    context.sandbox.state.log.clear();
    const connection = await through('instagram', userId);
    const lists = context.sandbox.state.log.list().filter(({ path }) => path.endsWith('/me/accounts'));
    expect(lists.length).toBeGreaterThan(1);
    expect(connection.status_reason).toBeNull();
    expect(connection.assets_count).toBe(132);
    const found = await api(context).get(`/v1/connections/${connection.id}/credentials?q=${last.id}`).expect(200);
    const [credential] = (found.body as { data: ConnectionResponse['credentials'] }).data;
    expect(credential).toMatchObject({ kind: 'page', subject_id: last.id });
    expect(connection.assets.filter(({ type }) => type === 'instagram_account')).toEqual([
      {
        type: 'instagram_account',
        id: account.id,
        name: 'the.last',
        credential_id: credential?.id,
        usable: true,
        parent_id: last.id,
      },
    ]);
  });

  it('connects without any account, and says what to link', async () => {
    const { id: userId } = make().user();
    make().page({ userIds: [userId] });
    expect(await through('instagram', userId)).toMatchObject({
      status: 'active',
      status_reason: { code: 'no_instagram_account', remedy: expect.stringMatching(/link it to a Facebook Page/) },
    });
    const { id: nobody } = make().user();
    expect(await through('pages', nobody)).toMatchObject({ status: 'active', status_reason: { code: 'no_page' } });
  });

  it("with one Page's token covers that Page and what is linked to it", async () => {
    const { id: userId } = make().user();
    const account = make().instagramAccount({ username: 'by.page' });
    const page = make().page({ name: 'Its page', userIds: [userId], instagramId: account.id });
    const { accessToken } = make().token({ userId, pageId: page.id, expiresIn: null });
    const instagram = await imported('instagram', accessToken);
    expect(instagram).toMatchObject({ meta_user_id: page.id, status_reason: null });
    expect(instagram.assets.map(({ type, id, name, parent_id: parent }) => [type, id, name, parent])).toEqual([
      ['instagram_account', account.id, 'by.page', page.id],
      ['page', page.id, 'Its page', null],
    ]);
    expect((await imported('pages', accessToken)).assets).toMatchObject([{ type: 'page', name: 'Its page' }]);
  });
});

describe('ad accounts', () => {
  it('have names, currencies and businesses', async () => {
    const business = make().business({ name: 'An agency' });
    const owned = make().adAccount({ name: 'Shoes', currency: 'CHF', businessId: business.id });
    const own = make().adAccount({ name: 'Private', currency: 'USD', businessId: null });
    const { id: userId } = make().user({ adAccountIds: [owned.id, own.id] });
    const { assets } = await through('ads', userId);
    expect(assets).toEqual([
      expect.objectContaining({
        type: 'ad_account',
        id: expect.stringMatching(/^act_\d+$/),
        name: 'Shoes',
        parent_id: business.id,
        currency: 'CHF',
        business: { id: business.id, name: 'An agency' },
      }),
      expect.objectContaining({ id: own.id, name: 'Private', parent_id: null, currency: 'USD' }),
    ]);
    expect(assets[1]).not.toHaveProperty('business');
  });

  it('are reached with imported system-user tokens, expiring or not; none at all is reported', async () => {
    const account = make().adAccount({ name: 'Ads', currency: 'EUR' });
    for (const [expiresIn, expiresAt] of [
      [null, null],
      [5_184_000, '2027-01-21T12:00:00.000Z'],
    ] as const) {
      const { id: userId } = make().user({ kind: 'system_user', adAccountIds: [account.id] });
      const { accessToken } = make().token({ userId, expiresIn, scopes: ADS });
      const connection = await imported('ads', accessToken);
      expect(connection).toMatchObject({ status: 'active', status_reason: null, flow: 'import' });
      expect(connection.credentials).toMatchObject([{ kind: 'system_user', expires_at: expiresAt }]);
      expect(connection.assets).toMatchObject([{ id: account.id, currency: 'EUR' }]);
    }
    const { id: userId } = make().user({ kind: 'system_user' });
    const { accessToken } = make().token({ userId, expiresIn: null, scopes: ADS });
    expect(await imported('ads', accessToken)).toMatchObject({
      status: 'active',
      status_reason: { code: 'no_ad_account', remedy: expect.any(String) },
    });
  });
});

describe('declined scopes', () => {
  it('are reported, and requested again by front ends', async () => {
    const before = await createSession(context, { product: 'ads', tenant: 'shy' });
    expect(before.js_sdk).not.toHaveProperty('auth_type');
    const { id: userId } = make().user();
    const end = await completeConnect(
      context,
      { product: 'ads', tenant: 'shy' },
      { user: userId, decline: ['ads_management'] },
    );
    const id = end.searchParams.get('connection_id') ?? '';
    expect((await api(context).get(`/v1/connections/${id}`)).body).toMatchObject({
      status: 'active',
      declined_scopes: ['ads_management'],
      status_reason: { code: 'scopes_missing', remedy: expect.any(String) },
    });
    const again = await createSession(context, { product: 'ads', tenant: 'shy' });
    expect(again.js_sdk).toMatchObject({ auth_type: 'rerequest' });
  });

  it('are requested again on our signup page', async () => {
    const signup = { product: 'whatsapp', flow: 'embedded_signup', tenant: 'shy' };
    const sdkOfPage = async (): Promise<unknown> => {
      const { connect_url } = await createSession(context, signup);
      const page = await request(context.replica.app.getHttpServer()).get(new URL(connect_url).pathname);
      return (JSON.parse(/id="setup">(.*?)<\/script>/.exec(page.text)?.[1] ?? '') as { sdk: unknown }).sdk;
    };
    expect(await sdkOfPage()).not.toHaveProperty('auth_type');
    const { id: userId } = make().user();
    const dialog = { product: 'whatsapp', tenant: 'shy' };
    // A login configuration is granted as a whole or not at all.
    const replica = await context.startAnotherReplica({ META_LOGIN_CONFIG_ID_WHATSAPP: '' });
    await completeConnect({ replica }, dialog, { user: userId, decline: ['whatsapp_business_messaging'] });
    expect(await sdkOfPage()).toMatchObject({ auth_type: 'rerequest' });
  });
});
