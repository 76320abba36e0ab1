import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { UnverifiedAssetService } from '../../src/connections/assets/unverified-asset.service.ts';
import { AssetInspectionService } from '../../src/lifecycle/inspection/asset-inspection.service.ts';
import { SuspectedTokenService } from '../../src/lifecycle/inspection/suspected-token.service.ts';
import { Sweep } from '../../src/lifecycle/sweeps/sweep.ts';
import { UnconfiguredAppJob } from '../../src/lifecycle/sweeps/unconfigured-app.job.ts';
import { api, createServiceClient, createSession, TestBrowser } from '../support/connect-test-context.ts';
import {
  DAY,
  type ImportedConnection,
  type LifecycleTestContext,
  openLifecycleTestContext,
} from '../support/lifecycle-test-context.ts';
import type { TestReplica } from '../support/test-replica.ts';

const INSTAGRAM = { product: 'instagram', flow: 'instagram_login' };
const THREADS = { product: 'threads', flow: 'threads_login' };
const NONE = { INSTAGRAM_APP_ID: '', INSTAGRAM_APP_SECRET: '', THREADS_APP_ID: '', THREADS_APP_SECRET: '' };
const ADMIN = { tenant: 'acme' };

let context: LifecycleTestContext;
/** On the same database, without Instagram and Threads apps. */
let replica: TestReplica;
beforeAll(async () => {
  context = await openLifecycleTestContext();
  replica = await context.startAnotherReplica(NONE);
});
afterAll(() => context?.close());

const refusal = (body: { code: string; detail: string; remedy: string }, prefix: string) => {
  expect(body.code).toBe('login_not_configured');
  for (const text of [body.detail, body.remedy]) {
    expect(text).toContain(`${prefix}_APP_ID`);
    expect(text).toContain(`${prefix}_APP_SECRET`);
  }
};
const callsToMeta = () => context.sandbox.state.log.list().at(-1)?.sequence;
const tokenOf = (kind: 'instagram_user' | 'threads_user') => {
  const user = context.sandbox.state.make.user({ kind });
  return context.sandbox.state.make.token({ userId: user.id }).accessToken;
};

describe('without an app for Instagram or Threads', () => {
  it.each([
    [INSTAGRAM, 'INSTAGRAM'],
    [THREADS, 'THREADS'],
  ])('no session of %j can be created, and the refusal names the settings', async (login, prefix) => {
    const response = await api({ replica }).post('/v1/connect-sessions', { ...ADMIN, ...login });
    expect(response.status).toBe(409);
    refusal(response.body, prefix);
  });

  it.each([
    [INSTAGRAM, 'INSTAGRAM'],
    [THREADS, 'THREADS'],
  ])('existing links of %j lead to no dialog, and their codes are not sent', async (login, prefix) => {
    const session = await createSession(context, login);
    const opened = await new TestBrowser({ replica }).get(session.connect_url, { accept: 'application/json' });
    expect(opened.status).toBe(409);
    refusal(opened.body, prefix);
    const path = `/v1/connect-sessions/${session.id}/complete`;
    const completed = await api({ replica }).post(path, { code: 'a-code', redirect_uri: 'https://a.example/' });
    expect(completed.status).toBe(409);
    refusal(completed.body, prefix);
    const page = await new TestBrowser({ replica }).get(session.connect_url, { accept: 'text/html' });
    expect([page.status, page.headers['content-type']]).toEqual([409, expect.stringContaining('text/html')]);
  });

  it('Threads tokens are refused at once, Instagram tokens without asking its host', async () => {
    const before = context.sandbox.state.log.list().length;
    const threads = { ...ADMIN, product: 'threads', access_token: tokenOf('threads_user') };
    const first = await api({ replica }).post('/v1/connections/import', threads);
    expect(first.status).toBe(409);
    refusal(first.body, 'THREADS');
    expect(context.sandbox.state.log.list()).toHaveLength(before);
    const instagram = { ...ADMIN, product: 'instagram', access_token: tokenOf('instagram_user') };
    const second = await api({ replica }).post('/v1/connections/import', instagram);
    expect(second.status).toBe(409);
    refusal(second.body, 'INSTAGRAM');
    const hosts = context.sandbox.state.log
      .list()
      .slice(before)
      .map(({ host }) => host);
    expect(hosts).not.toContain('graph.instagram.com');
  });

  it('everything else works, and invalid tokens are still reported as invalid', async () => {
    const wrong = { ...ADMIN, product: 'instagram', access_token: 'EAAgarbage' };
    expect((await api({ replica }).post('/v1/connections/import', wrong)).body.code).toBe('token_rejected');
    const user = context.sandbox.state.make.user({});
    const { accessToken } = context.sandbox.state.make.token({ userId: user.id });
    const good = { tenant: 'else', product: 'instagram', access_token: accessToken };
    expect((await api({ replica }).post('/v1/connections/import', good)).status).toBe(201);
    const login = { ...ADMIN, product: 'instagram', flow: 'facebook_login' };
    expect((await api({ replica }).post('/v1/connect-sessions', login)).status).toBe(201);
  });

  it('/meta/config says which logins there are', async () => {
    const { products } = (await api({ replica }).get('/meta/config')).body;
    expect(products.threads).toMatchObject({ login_configured: false, unconfigured_flows: ['threads_login'] });
    expect(products.instagram).toMatchObject({ login_configured: true, unconfigured_flows: ['instagram_login'] });
    expect(products.pages).toMatchObject({ login_configured: true, unconfigured_flows: [] });
    const whole = (await api(context).get('/meta/config')).body.products;
    expect(whole.threads).toMatchObject({ login_configured: true, unconfigured_flows: [] });
  });
});

describe('connections whose app is no longer configured', () => {
  let instagram: ImportedConnection;
  let threads: ImportedConnection;
  let page: ImportedConnection;
  beforeAll(async () => {
    instagram = await context.importConnection({ kind: 'instagram_user', tenant: 'old', expiresIn: 8 * DAY });
    threads = await context.importConnection({ kind: 'threads_user', tenant: 'old', expiresIn: 8 * DAY });
    page = await context.importConnection({ tenant: 'old', pages: 1, expiresIn: 8 * DAY });
    context.clock.advance(2 * DAY);
  });

  const failureOf = async (id: string) => (await context.root(id)).failure;

  it('are logged at startup, fail with the reason, and are never asked about at Meta', async () => {
    const before = callsToMeta();
    await replica.app.get(Sweep).health('retries');
    await replica.app.get(UnconfiguredAppJob).run(new AbortController().signal);
    const lines = context.log.lines.filter((line) => JSON.stringify(line).includes('is not configured as'));
    expect(lines.map((line) => line['app_id'])).toEqual(
      expect.arrayContaining([context.sandbox.app.instagramAppId, context.sandbox.app.threadsAppId]),
    );
    // Schedules are off on this replica, so the sweep of unknown apps is run here.
    const unknown = [context.sandbox.app.instagramAppId, context.sandbox.app.threadsAppId];
    await replica.app.get(Sweep).refresh('due', unknown);
    await replica.app.get(Sweep).health('due', unknown);
    expect(callsToMeta()).toEqual(before);
    for (const [{ id }, prefix] of [
      [instagram, 'INSTAGRAM'],
      [threads, 'THREADS'],
    ] as const) {
      const failure = await failureOf(id);
      expect(failure).toMatchObject({
        code: 'app_not_configured',
        detail: expect.stringContaining(`${prefix}_APP_ID`),
      });
      expect(failure?.next_attempt_at).not.toBeNull();
      expect((await context.connection(id)).status).toBe('active');
    }
    expect(await failureOf(page.id)).toBeNull();
  });

  it('say so if inspected on request, and a report about their token gives no verdict', async () => {
    const before = callsToMeta();
    for (const action of ['refresh', 'check']) {
      const response = await api({ replica }).post(`/v1/connections/${instagram.id}/${action}`, {});
      expect(response.status).toBe(200);
      expect(response.body.credentials[0].failure.code).toBe('app_not_configured');
    }
    const { id, version } = await context.root(instagram.id);
    const verdict = await replica.app
      .get(SuspectedTokenService)
      .report(id as `crd_${string}`, version, {}, { kind: 'suspect' });
    expect(verdict).toBe('unknown');
    expect(callsToMeta()).toBe(before);
    expect((await context.connection(instagram.id)).status).toBe('active');
  });

  it("still serve calls and leases, which need no app, and never with another app's proof", async () => {
    const client = await createServiceClient(context, {
      tenants: ['old'],
      products: ['*'],
      lease_modes: ['gateway', 'token'],
    });
    for (const product of ['instagram', 'threads']) {
      const body = { tenant: 'old', product };
      const lease = await api({ replica }, client.key).post('/v1/leases', body);
      expect(lease.status).toBe(201);
      const called = await api({ replica }, lease.body.access_token).get('/graph/me?fields=id');
      expect([called.status, product]).toEqual([200, product]);
      const direct = await api({ replica }, client.key).post('/v1/leases', { ...body, mode: 'token' });
      expect(direct.status).toBe(201);
      expect(direct.body).not.toHaveProperty('appsecret_proof');
    }
  });

  it("lose no asset because another Meta app can't see it", async () => {
    const businessId = '300000000000401';
    const user = context.sandbox.state.make.user({ kind: 'system_user', businessId });
    const { accessToken } = context.sandbox.state.make.token({ userId: user.id });
    const body = { tenant: 'old', product: 'whatsapp', access_token: accessToken };
    const { id } = (await api(context).post('/v1/connections/import', body).expect(201)).body;
    const { assets } = await context.connection(id);
    const account = assets.find(({ type }) => type === 'whatsapp_business_account');
    expect(account).toBeDefined();
    const other = await context.startAnotherReplica({ META_APP_ID: '4711', META_APP_SECRET: 'f'.repeat(32) });
    await context.database.transaction((tx) =>
      other.app.get(UnverifiedAssetService).requestVerification(tx, 'whatsapp_business_account', [account?.id ?? '']),
    );
    const before = callsToMeta();
    await other.app.get(AssetInspectionService).inspectDue();
    const checked = await api({ replica: other }).post(`/v1/connections/${id}/check`, {});
    expect(checked.body.credentials[0].failure.code).toBe('app_not_configured');
    expect(callsToMeta()).toBe(before);
    expect(checked.body.assets).toEqual(assets);
  });

  it('are processed again once the app is back', async () => {
    const response = await api(context).post(`/v1/connections/${threads.id}/check`, {});
    expect(response.body.credentials[0]).toMatchObject({ failure: null, health: 'expiring' });
  });
});
