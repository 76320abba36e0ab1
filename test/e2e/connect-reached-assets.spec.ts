import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RediscoveryService } from '../../src/connect/rediscovery/rediscovery.service.ts';
import { AssetUpdateService } from '../../src/connections/assets/asset-update.service.ts';
import { CredentialClaimRepository } from '../../src/connections/credentials/credential-claim.repository.ts';
import { CredentialVersionService } from '../../src/connections/credentials/credential-version.service.ts';
import {
  api,
  browseToCallback,
  completeConnect,
  connectionAt,
  createServiceClient,
  createSession,
  TestBrowser,
} from '../support/connect-test-context.ts';
import {
  DAY,
  type ImportedConnection,
  type LifecycleTestContext,
  openLifecycleTestContext,
} from '../support/lifecycle-test-context.ts';

let context: LifecycleTestContext;

beforeAll(async () => {
  context = await openLifecycleTestContext();
});
afterAll(() => context?.close());

const make = () => context.sandbox.state.make;
const check = async (id: string) => (await api(context).post(`/v1/connections/${id}/check`, {}).expect(200)).body;
const usableOf = (connection: { assets: { id: string; usable: boolean }[] }) =>
  Object.fromEntries(connection.assets.map(({ id, usable }) => [id, usable]));
const changesOf = async (id: string) =>
  (await context.events('connection.assets_changed')).filter(({ connection_id }) => connection_id === id);
const leaseOf = async (tenant: string, assetId: string) => {
  const { key } = await createServiceClient(context, { tenants: [tenant] });
  return api(context, key).post('/v1/leases', { tenant, product: 'pages', asset_id: assetId });
};
const lookByItself = () => context.replica.app.get(RediscoveryService).lookAtDue();

/** A user with their own Page, and a portfolio with a Page they have a task on and one they don't. */
async function importPortfolio(product: 'pages' | 'instagram' | 'ads', tenant: string) {
  const user = make().user();
  const business = make().business({ userIds: [user.id] });
  const own = make().page({ userIds: [user.id] });
  const [shared = ''] = make().pagesInBulk({
    count: 1,
    userId: user.id,
    businessId: business.id,
    throughBusiness: true,
    instagram: true,
  });
  const [client = ''] = make().pagesInBulk({ count: 1, businessId: business.id, relation: 'client', instagram: true });
  const { accessToken } = make().token({ userId: user.id });
  const body = { tenant, product, access_token: accessToken };
  const response = await api(context).post('/v1/connections/import', body).expect(201);
  return {
    id: response.body.id as `con_${string}`,
    connection: response.body,
    userId: user.id,
    own: own.id,
    shared,
    client,
  };
}

describe('connecting', () => {
  it('finds the Pages of a portfolio, each with its own credential, and one without a task as unusable', async () => {
    const { connection, own, shared, client } = await importPortfolio('pages', 'portfolio');
    expect(usableOf(connection)).toEqual({ [own]: true, [shared]: true, [client]: false });
    expect(connection.assets.find((asset: { id: string }) => asset.id === client)).toMatchObject({
      credential_id: null,
      tasks: [],
    });
    const lease = await leaseOf('portfolio', shared);
    const credentials = connection.credentials as { id: string; kind: string; subject_id: string }[];
    expect(credentials.find(({ id }) => id === lease.body.credential_id)).toMatchObject({
      kind: 'page',
      subject_id: shared,
    });
    const refused = await leaseOf('portfolio', client);
    expect(refused.status).toBe(409);
    expect(refused.body).toMatchObject({ code: 'asset_without_credential', remedy: expect.stringContaining(client) });
  });

  it('finds the Instagram accounts of those Pages', async () => {
    const { connection, shared, client } = await importPortfolio('instagram', 'portfolio-instagram');
    const accounts = connection.assets.filter(({ type }: { type: string }) => type === 'instagram_account');
    expect(accounts).toMatchObject(
      expect.arrayContaining([
        expect.objectContaining({ parent_id: shared, usable: true }),
        expect.objectContaining({ parent_id: client, usable: false, credential_id: null }),
      ]),
    );
    expect(accounts).toHaveLength(2);
  });

  it('loses only the list that Meta refuses, and asks for less if one is too large', async () => {
    context.fault({ kind: 'graph_error', code: 200 }, { pathPattern: 'me/businesses' }, null);
    context.fault({ kind: 'graph_error', code: 1 }, { pathPattern: 'me/accounts', limitAbove: 5 }, null);
    try {
      const { connection, own, shared, client } = await importPortfolio('pages', 'refused');
      expect(connection).toMatchObject({ status: 'active', status_reason: null });
      expect(usableOf(connection)).toEqual({ [own]: true });
      expect([shared, client]).toHaveLength(2);
    } finally {
      context.sandbox.state.faults.clear();
    }
  });
});

describe('connecting again', () => {
  it('lets users choose Pages again, which is not needed the first time', async () => {
    const { id: user } = make().user({ pageIds: ['200000000000201'] });
    const asked = async (body: object) =>
      (
        await new TestBrowser(context).open((await createSession(context, { tenant: 'chooser', ...body })).connect_url)
      ).searchParams.get('auth_type');
    expect(await asked({})).toBeNull();
    await completeConnect(context, { tenant: 'chooser' }, { user });
    expect(await asked({})).toBe('rerequest');
    expect((await createSession(context, { tenant: 'chooser' })).js_sdk).toMatchObject({ auth_type: 'rerequest' });
    expect(await asked({ product: 'ads' })).toBeNull();
  });

  it('with many Pages shows its progress in the session', async () => {
    const { id: user } = make().user();
    make().pagesInBulk({ count: 350, userId: user });
    const { session, browser, callback } = await browseToCallback(context, { tenant: 'many' }, { user });
    const response = await browser.get(callback);
    const connection = await connectionAt(context, new URL(String(response.headers['location'])));
    expect([connection.assets_count, connection.assets.length]).toEqual([350, 100]);
    const [row] = await context.database.rows<{ progress: unknown }>({
      text: 'SELECT progress FROM connect_session WHERE id = $1',
      values: [session.id],
    });
    expect(row?.progress).toMatchObject({ stage: 'storing', pages: 350, assets: 350, at: expect.any(String) });
  });

  it('that takes long gives the same result for a second delivery of its callback, which waits as long as needed', async () => {
    const { id: user } = make().user({ pageIds: ['200000000000201'] });
    for (let portfolios = 0; portfolios < 2; portfolios++) make().business({ userIds: [user] });
    // Six lists of three seconds: longer than a second delivery waits if the first is not being processed.
    const lists = 'me/(accounts|businesses)|owned_pages|client_pages';
    context.fault({ kind: 'delay', delayMs: 3_000 }, { pathPattern: lists, userId: user }, null);
    try {
      const { browser, callback } = await browseToCallback(context, { tenant: 'slow' }, { user });
      const [first, second] = await Promise.all([browser.get(callback), browser.get(callback)]);
      expect(first.headers['location']).toContain('status=connected');
      expect(second.headers['location']).toBe(first.headers['location']);
    } finally {
      context.sandbox.state.faults.clear();
    }
  });
});

describe('page tokens', () => {
  it('are derived again by Page id: for Pages in no list of the user, and for system users', async () => {
    const person = await importPortfolio('pages', 'derived');
    const { id: systemUser } = make().user({ kind: 'system_user' });
    const { id: assigned } = make().page({ userIds: [systemUser] });
    const { accessToken } = make().token({
      userId: systemUser,
      expiresIn: null,
      scopes: ['pages_show_list', 'pages_read_engagement'],
    });
    const body = { tenant: 'system', product: 'pages', access_token: accessToken };
    const imported = (await api(context).post('/v1/connections/import', body).expect(201)).body;
    for (const [id, pageId] of [
      [person.id, person.shared],
      [imported.id, assigned],
    ]) {
      context.sandbox.state.invalidateToken(await openPageToken(id, pageId), 460);
      await check(id);
      const { credentials } = await context.connection(id);
      expect(credentials.find(({ subject_id }) => subject_id === pageId)).toMatchObject({
        version: 2,
        health: 'healthy',
      });
    }
  });
});

async function openPageToken(connectionId: string, pageId: string): Promise<string> {
  const [row] = await context.database.rows<{ id: `crd_${string}` }>({
    text: `SELECT id FROM credential WHERE connection_id = $1 AND subject_id = $2`,
    values: [connectionId, pageId],
  });
  const credential = await context.replica.app.get(CredentialClaimRepository).find(row?.id ?? 'crd_');
  if (credential === null) throw new Error('no such page');
  return (await context.replica.app.get(CredentialVersionService).openCurrent(credential))?.expose() ?? '';
}

describe('rediscovery', () => {
  it("finds added and lost assets, reports them once, and seals a new Page's token", async () => {
    const { id, userId, own, shared, client } = await importPortfolio('pages', 'again');
    const [later = ''] = make().pagesInBulk({ count: 1, userId });
    make().role(userId, client, { tasks: ['MANAGE'], throughBusiness: true });
    context.sandbox.state.removePageRole(userId, own);
    make().patchPage(shared, { name: 'Renamed' });
    const connection = await check(id);
    expect(usableOf(connection)).toEqual({ [shared]: true, [client]: true, [later]: true });
    expect((connection.credentials as { subject_id: string }[]).map(({ subject_id }) => subject_id).sort()).toEqual(
      [userId, shared, client, later].sort(),
    );
    const [event, ...more] = await changesOf(id);
    expect(event).toMatchObject({
      tenant: 'again',
      status: 'active',
      added: [{ type: 'page', id: later, usable: true }],
      removed: [{ type: 'page', id: own }],
      counts: { added: 1, changed: 2, removed: 1, assets: 3 },
    });
    expect(event?.['changed']).toEqual(
      expect.arrayContaining([
        { type: 'page', id: shared, name: 'Renamed', usable: true },
        expect.objectContaining({ id: client, usable: true }),
      ]),
    );
    expect(more).toEqual([]);
    expect((await leaseOf('again', later)).status).toBe(201);
    expect((await leaseOf('again', own)).status).toBe(404);
    expect(await context.audited('connection.assets_changed', id)).toHaveLength(1);
    await check(id);
    expect(await changesOf(id)).toHaveLength(1);
  });

  it('marks a Page unusable whose task is gone and whose token died', async () => {
    const { id, userId, shared } = await importPortfolio('pages', 'taskless');
    make().role(userId, shared, { tasks: [] });
    expect(usableOf(await check(id))[shared]).toBe(false);
    expect((await leaseOf('taskless', shared)).body.code).toBe('asset_without_credential');
    make().role(userId, shared, { tasks: ['MANAGE'] });
    expect(usableOf(await check(id))[shared]).toBe(true);
    expect((await leaseOf('taskless', shared)).status).toBe(201);
  });

  it('removes nothing if Meta refuses a list or is down, or the token is dead', async () => {
    const { id, userId, own } = await importPortfolio('pages', 'careful');
    const before = usableOf(await context.connection(id));
    context.sandbox.state.removePageRole(userId, own);
    for (const fault of [
      { kind: 'graph_error', code: 200 },
      { kind: 'status', status: 503 },
    ] as const) {
      context.fault(fault, { pathPattern: 'owned_pages|client_pages|me/businesses' }, null);
      expect(usableOf(await check(id))).toEqual(before);
      context.sandbox.state.faults.clear();
    }
    expect(await changesOf(id)).toEqual([]);
    context.sandbox.state.changePassword(userId);
    expect(await check(id)).toMatchObject({ status: 'reauth_required' });
    expect(usableOf(await context.connection(id))).toEqual(before);
  });

  it('runs by itself after a week, once, and again if Meta was down', async () => {
    const connection: ImportedConnection = await context.importConnection({ tenant: 'weekly', pages: 1 });
    const [later = ''] = make().pagesInBulk({ count: 1, userId: connection.userId });
    await lookByItself();
    expect(await changesOf(connection.id)).toEqual([]);
    context.clock.advance(8 * DAY);
    context.fault({ kind: 'status', status: 503 }, { pathPattern: 'me/accounts', userId: connection.userId }, null);
    await lookByItself();
    context.sandbox.state.faults.clear();
    expect(await changesOf(connection.id)).toEqual([]);
    context.clock.advance(2 * 3600 + 60);
    await Promise.all([lookByItself(), lookByItself()]);
    expect(await changesOf(connection.id)).toMatchObject([{ added: [{ id: later }], counts: { assets: 2 } }]);
    const updates = context.replica.app.get(AssetUpdateService);
    context.clock.advance(8 * DAY);
    const appId = context.sandbox.app.id;
    expect(await updates.claimDue(appId, 100)).toContain(connection.id);
    // The replica that claimed it died.
    expect(await updates.claimDue(appId, 100)).not.toContain(connection.id);
    context.clock.advance(901);
    await lookByItself();
    const due = await context.database.rows<{ at: Date }>({
      text: 'SELECT next_discovery_at AS at FROM connection WHERE id = $1',
      values: [connection.id],
    });
    const days = ((due[0]?.at.getTime() ?? 0) - context.clock.now().getTime()) / (DAY * 1000);
    expect(Math.abs(days - 7)).toBeLessThan(0.51);
  });
});
