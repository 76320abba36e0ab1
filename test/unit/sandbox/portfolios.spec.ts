import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { seedIds } from '../../../src/sandbox/state/default-seed.ts';
import {
  at,
  bearer,
  call,
  dialogCode,
  exchange,
  json,
  type Reply,
  redirectUri,
  start,
  textAt,
} from './sandbox-harness.ts';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await start();
});
afterEach(() => sandbox.close());

const get = (path: string, token: string) => call(`${sandbox.url}/graph.facebook.com/v26.0/${path}`, bearer(token));
const control = (path: string, body: unknown) => call(`${sandbox.url}/__sandbox/${path}`, json(body));
const tokenOf = (userId: string, scopes?: string[], targets?: Record<string, string[]>) =>
  sandbox.state.make.token({ userId, ...(scopes && { scopes }), ...(targets && { targets }) }).accessToken;
const ids = (reply: Reply) => (at(reply, 'data') as { id: string }[]).map(({ id }) => id);
const { portfolioUser, portfolio, portfolioPage, clientPage } = seedIds;

describe('a person with access through a portfolio', () => {
  it('finds Pages and ad accounts in the portfolio, not in lists of their own', async () => {
    const token = tokenOf(portfolioUser);
    expect(ids(await get('me/accounts', token))).toEqual([]);
    expect(ids(await get('me/adaccounts', token))).toEqual([]);
    expect(ids(await get('me/businesses', token))).toEqual([portfolio]);
    expect(ids(await get(`${portfolio}/owned_pages`, token))).toEqual([portfolioPage]);
    expect(ids(await get(`${portfolio}/client_pages`, token))).toEqual([clientPage]);
    expect(ids(await get(`${portfolio}/owned_ad_accounts`, token))).toEqual([seedIds.portfolioAdAccount]);
    expect(ids(await get(`${portfolio}/client_ad_accounts`, token))).toEqual([]);
    expect(ids(await get(`${portfolio}/owned_whatsapp_business_accounts`, token))).toEqual([]);
  });

  it('gets a token for a Page with a task, and none for one without', async () => {
    const token = tokenOf(portfolioUser);
    const fields = 'id,name,access_token,tasks,instagram_business_account{id,username}';
    const own = await get(`${portfolioPage}?fields=${fields}`, token);
    expect(own.json).toMatchObject({
      name: 'Sandbox Portfolio Page',
      tasks: expect.arrayContaining(['MANAGE']),
      instagram_business_account: { id: seedIds.portfolioInstagramAccount, username: 'sandbox.portfolio' },
    });
    expect(at(await get('me', textAt(own, 'access_token')), 'id')).toBe(portfolioPage);
    expect(at(await get(`${portfolio}/owned_pages`, token), 'data.0.access_token')).toBe(at(own, 'access_token'));
    const client = await get(`${clientPage}?fields=${fields}`, token);
    expect(client.json).toEqual({ id: clientPage, name: 'Sandbox Client Page' });
    expect((await get(`${seedIds.portfolioAdAccount}?fields=name`, token)).status).toBe(200);
    expect(at(await get(portfolioPage, tokenOf(seedIds.user)), 'error.code')).toBe(100);
  });

  it('loses the token with the task', async () => {
    const token = tokenOf(portfolioUser);
    const page = textAt(await get(`${portfolioPage}?fields=access_token`, token), 'access_token');
    await control('roles/set', { userId: portfolioUser, pageId: portfolioPage, tasks: [] });
    expect(at(await get('me', page), 'error.error_subcode')).toBe(492);
    expect((await get(`${portfolioPage}?fields=access_token`, token)).json).toEqual({ id: portfolioPage });
  });

  it('needs business_management, for this very portfolio', async () => {
    const bare = tokenOf(portfolioUser, ['pages_show_list']);
    for (const path of ['me/businesses', `${portfolio}/owned_pages`, `${portfolio}/client_ad_accounts`])
      expect([path, at(await get(path, bare), 'error.code')]).toEqual([path, 200]);
    const other = sandbox.state.make.business({ userIds: [portfolioUser] });
    const token = tokenOf(portfolioUser, ['business_management'], { business_management: [other.id] });
    expect(ids(await get('me/businesses', token))).toEqual([other.id]);
    expect(at(await get(`${portfolio}/owned_pages`, token), 'error.code')).toBe(200);
  });
});

describe('granular scopes', () => {
  const targetsOf = async (query: Record<string, string>) => {
    const code = await dialogCode(sandbox, { sandbox_user: portfolioUser, ...query });
    const token = textAt(await exchange(sandbox, { code, redirect_uri: redirectUri }), 'access_token');
    const app = `${sandbox.app.id}|${sandbox.app.secret}`;
    const seen = await get(`debug_token?input_token=${token}`, app);
    const granular = at(seen, 'data.granular_scopes') as { scope: string; target_ids?: string[] }[];
    return Object.fromEntries(granular.map(({ scope, target_ids }) => [scope, target_ids ?? 'all']));
  };
  const scope = 'pages_show_list,business_management,ads_read,instagram_basic';

  it('are open, or name what the person has: portfolios under business_management', async () => {
    expect(await targetsOf({ scope })).toMatchObject({ pages_show_list: 'all' });
    sandbox.state.patchSettings({ granularScopes: 'named' });
    expect(await targetsOf({ scope })).toEqual({
      pages_show_list: [portfolioPage],
      business_management: [portfolio],
      ads_read: [seedIds.portfolioAdAccount.slice(4)],
      instagram_basic: [seedIds.portfolioInstagramAccount],
    });
  });

  it('keep the first choice until the person is asked anew', async () => {
    sandbox.state.patchSettings({ granularScopes: 'named' });
    await targetsOf({ scope });
    const { id } = sandbox.state.make.page({ userIds: [portfolioUser] });
    expect(await targetsOf({ scope })).toMatchObject({ pages_show_list: [portfolioPage] });
    const asked = { scope, auth_type: 'rerequest' };
    expect(await targetsOf(asked)).toMatchObject({ pages_show_list: [portfolioPage, id] });
    sandbox.state.patchSettings({ targetOrder: 'reversed' });
    expect(await targetsOf(asked)).toMatchObject({ pages_show_list: [id, portfolioPage] });
  });

  it('can be picked, and a Page that was not picked has no token', async () => {
    const { id } = sandbox.state.make.page({ userIds: [portfolioUser] });
    expect(await targetsOf({ scope, sandbox_targets: `{"pages_show_list":["${id}"]}` })).toMatchObject({
      pages_show_list: [id],
      ads_read: 'all',
    });
    const { accessToken } = sandbox.state.make.token({ userId: portfolioUser });
    expect((await get(`${portfolioPage}?fields=access_token`, accessToken)).json).toEqual({ id: portfolioPage });
  });
});

describe('lists', () => {
  it('hold 3,000 Pages, each once, over all pages of paging', async () => {
    const made = await control('pages/bulk', {
      count: 3000,
      userId: portfolioUser,
      businessId: portfolio,
      throughBusiness: true,
      instagram: true,
    });
    const found = new Set<string>();
    const fields = 'id,access_token,instagram_business_account{id}';
    let next: string | undefined =
      `${sandbox.url}/graph.facebook.com/v26.0/${portfolio}/owned_pages?limit=100&fields=${fields}`;
    const token = tokenOf(portfolioUser);
    for (let count = 0; next !== undefined; count += 1) {
      expect(count).toBeLessThan(31);
      const reply: Reply = await call(next, bearer(token));
      for (const id of ids(reply)) found.add(id);
      expect(at(reply, 'data.0.access_token')).toEqual(expect.any(String));
      next = at(reply, 'paging.next') as string | undefined;
    }
    expect(found).toEqual(new Set([portfolioPage, ...(at(made, 'pageIds') as string[])]));
  });

  it('can be of clients', async () => {
    const made = await control('pages/bulk', { count: 2, businessId: portfolio, relation: 'client' });
    expect(ids(await get(`${portfolio}/client_pages`, tokenOf(portfolioUser)))).toEqual([
      clientPage,
      ...(at(made, 'pageIds') as string[]),
    ]);
  });

  it('can refuse, or want a smaller limit, for one person or all', async () => {
    const token = tokenOf(portfolioUser);
    const rule = await control('lists/refuse', { edge: 'owned_pages', code: 10, userId: portfolioUser });
    const refused = await get(`${portfolio}/owned_pages`, token);
    expect([refused.status, at(refused, 'error.code')]).toEqual([403, 10]);
    expect((await get(`${portfolio}/client_pages`, token)).status).toBe(200);
    await control('faults/clear', { id: at(rule, 'id') });
    await control('lists/max-limit', { edge: 'owned_pages', limit: 20 });
    for (const query of ['?limit=100', '']) {
      const reduced = await get(`${portfolio}/owned_pages${query}`, token);
      expect([reduced.status, at(reduced, 'error.code')]).toEqual([500, 1]);
    }
    expect((await get(`${portfolio}/owned_pages?limit=20`, token)).status).toBe(200);
  });
});

it('system users read their assigned assets', async () => {
  const system = sandbox.state.make.user({
    kind: 'system_user',
    businessId: seedIds.business,
    pageIds: [portfolioPage],
    adAccountIds: [seedIds.adAccount],
  });
  const scopes = ['pages_show_list', 'ads_read', 'whatsapp_business_management'];
  const token = tokenOf(system.id, scopes);
  expect(ids(await get('me/assigned_pages', token))).toEqual([portfolioPage]);
  expect(ids(await get('me/assigned_ad_accounts', token))).toEqual([seedIds.adAccount]);
  expect(ids(await get('me/assigned_whatsapp_business_accounts', token))).toEqual([seedIds.waba]);
  sandbox.state.make.patchUser(system.id, { wabaIds: [] });
  expect(ids(await get('me/assigned_whatsapp_business_accounts', token))).toEqual([]);
  expect(at(await get('me/assigned_whatsapp_business_accounts', tokenOf(seedIds.user)), 'error.code')).toBe(100);
});
