import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RediscoveryService } from '../../src/connect/rediscovery/rediscovery.service.ts';
import { api } from '../support/connect-test-context.ts';
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
const lookByItself = () => context.replica.app.get(RediscoveryService).lookAtDue();

/** Somebody with one Page of their own, and a portfolio with one that is theirs and one that they have no task on. */
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
  it('finds the Pages of a portfolio, each with its own credential, and one without a task that can not be used', async () => {
    const { connection, own, shared, client } = await importPortfolio('pages', 'portfolio');
    expect(usableOf(connection)).toEqual({ [own]: true, [shared]: true, [client]: false });
    expect(connection.assets.find((asset: { id: string }) => asset.id === client)).toMatchObject({
      credential_id: null,
      tasks: [],
    });
    const wanted = { tenant: 'portfolio', product: 'pages' };
    const lease = await api(context)
      .post('/v1/leases', { ...wanted, asset_id: shared })
      .expect(201);
    const credentials = connection.credentials as { id: string; kind: string; subject_id: string }[];
    expect(credentials.find(({ id }) => id === lease.body.credential_id)).toMatchObject({
      kind: 'page',
      subject_id: shared,
    });
    const refused = await api(context)
      .post('/v1/leases', { ...wanted, asset_id: client })
      .expect(409);
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

  it('costs nothing but itself where Meta refuses a list, and asks for less where one is too large', async () => {
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

describe('a second look', () => {
  it('finds what came and went, says so once, and seals the token of a new Page', async () => {
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
    const lease = { tenant: 'again', product: 'pages', asset_id: later };
    await api(context).post('/v1/leases', lease).expect(201);
    await api(context)
      .post('/v1/leases', { ...lease, asset_id: own })
      .expect(404);
    expect(await context.audited('connection.assets_changed')).toHaveLength(1);
    await check(id);
    expect(await changesOf(id)).toHaveLength(1);
  });

  it('makes a Page unusable whose task is gone and whose token died', async () => {
    const { id, userId, shared } = await importPortfolio('pages', 'taskless');
    make().role(userId, shared, { tasks: [] });
    expect(usableOf(await check(id))[shared]).toBe(false);
    const refused = { tenant: 'taskless', product: 'pages', asset_id: shared };
    expect((await api(context).post('/v1/leases', refused).expect(409)).body.code).toBe('asset_without_credential');
    make().role(userId, shared, { tasks: ['MANAGE'] });
    expect(usableOf(await check(id))[shared]).toBe(true);
    await api(context).post('/v1/leases', refused).expect(201);
  });

  it('removes nothing where Meta refuses a list, is away, or the token is dead', async () => {
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

  it('comes by itself after a week, once, and again where Meta was away', async () => {
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
    const due = await context.database.rows<{ at: Date }>({
      text: 'SELECT next_discovery_at AS at FROM connection WHERE id = $1',
      values: [connection.id],
    });
    const days = ((due[0]?.at.getTime() ?? 0) - context.clock.now().getTime()) / (DAY * 1000);
    expect(Math.abs(days - 7)).toBeLessThan(0.51);
  });
});
