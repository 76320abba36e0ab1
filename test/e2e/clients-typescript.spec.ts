import { createRequire } from 'node:module';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { EventVerifier, Metavault, type MetavaultOptions } from '../../clients/typescript/src/index.ts';
import { Database } from '../../src/database/database.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { type ChildReplica, startChildReplica } from '../support/child-replica.ts';
import { api, createServiceClient } from '../support/connect-test-context.ts';
import { freePort } from '../support/http-listener.ts';
import { startTestReplica, TEST_ADMIN_KEY, type TestReplica } from '../support/test-replica.ts';
import { startTestSandbox } from '../support/test-sandbox.ts';
import { startReceiver } from '../support/webhook-receiver.ts';

jest.setTimeout(300_000);

/** The full goal is CALLS=10000 LEASE_ENDS=50; the default is a small run of the same. */
const CALLS = Number(process.env['CALLS'] ?? 400);
const LEASE_ENDS = Number(process.env['LEASE_ENDS'] ?? 4);
const WORKERS = 8;
const TARGET = { tenant: 'acme', product: 'pages' } as const;

/** The parts of Meta's SDK used here; it ships no types. */
interface SdkApi {
  call(method: string, path: string[], params?: object): Promise<Record<string, unknown>>;
}
interface SdkCursor extends Array<{ id: string }> {
  next(): Promise<SdkCursor>;
  hasNext(): boolean;
}
interface Sdk {
  FacebookAdsApi: new (accessToken: string, locale: string, crashLog: boolean) => SdkApi;
  User: new (
    id: string,
    data: object,
    parent: undefined,
    api: SdkApi,
  ) => {
    getAccounts(fields: string[], params?: object): Promise<SdkCursor>;
  };
}
const sdk = createRequire(import.meta.url)('facebook-nodejs-business-sdk') as Sdk;

let sandbox: Sandbox;
let origin: TestReplica;
let replica: ChildReplica;
let environment: Record<string, string>;
let serviceKey: string;
const pageIds: string[] = [];

beforeAll(async () => {
  sandbox = await startTestSandbox();
  origin = await startTestReplica({ environment: sandbox.environment() });
  const port = String(await freePort());
  const url = `http://127.0.0.1:${port}`;
  environment = { ...sandbox.environment(), DATABASE_URL: origin.databaseUrl, PORT: port, PUBLIC_URL: url };
  replica = await startChildReplica(environment);
  serviceKey = (await createServiceClient({ replica: origin })).key;
  const user = sandbox.state.make.user();
  for (let index = 0; index < 3; index++) pageIds.push(sandbox.state.make.page({ userIds: [user.id] }).id);
  const { accessToken } = sandbox.state.make.token({ userId: user.id });
  const body = { ...TARGET, access_token: accessToken };
  expect((await api({ replica: origin }).post('/v1/connections/import', body)).status).toBe(201);
});
afterAll(async () => {
  await replica?.kill();
  await origin?.close();
  await sandbox?.close();
});

/** A client that counts the leases it gets and the calls that the gateway refuses. */
function openClient(options: Partial<MetavaultOptions> = {}) {
  const seen = { issued: 0, refused: 0 };
  const client = new Metavault({
    url: replica.url,
    apiKey: serviceKey,
    hooks: {
      onResponse: ({ path }, { status }) => {
        if (path === '/v1/leases' && status === 201) seen.issued++;
        if (status === 401) seen.refused++;
      },
    },
    ...options,
  });
  return { client, seen };
}

async function countLeases(): Promise<number> {
  const rows = await origin.app.get(Database).rows<{ leases: number }>({
    text: 'SELECT count(*)::int AS leases FROM lease',
  });
  return rows[0]?.leases ?? 0;
}

/** Several workers that repeat the work while `goesOn`. */
async function workInParallel(goesOn: () => boolean, work: () => Promise<unknown>): Promise<void> {
  const workOn = async (): Promise<void> => {
    while (goesOn()) await work();
  };
  await Promise.all(Array.from({ length: WORKERS }, workOn));
}

describe('leases', () => {
  it('are asked for once by 200 tasks at the same time', async () => {
    const { client } = openClient();
    const before = await countLeases();
    await Promise.all(Array.from({ length: 200 }, () => client.leases.for(TARGET)));
    expect((await countLeases()) - before).toBe(1);
  });

  it('expire without a call that fails', async () => {
    const { client, seen } = openClient();
    const graph = client.graph({ ...TARGET, ttl_seconds: 2 });
    let calls = 0;
    await workInParallel(
      () => calls < CALLS || seen.issued <= LEASE_ENDS,
      async () => {
        calls++;
        expect(await graph.get('me', { fields: 'id' })).toEqual({ id: expect.any(String) });
      },
    );
    expect(seen.issued).toBeGreaterThan(LEASE_ENDS);
  });

  it('are ended by others without a call that fails', async () => {
    const { client, seen } = openClient();
    for (let ends = 0; ends < LEASE_ENDS; ends++) {
      // Only at the service: the cache does not know.
      await client.leases.end((await client.leases.for(TARGET)).id);
      let calls = 0;
      await workInParallel(
        () => calls++ < CALLS / LEASE_ENDS,
        () => client.graph(TARGET).get('me', { fields: 'id' }),
      );
    }
    expect(seen.refused).toBeGreaterThanOrEqual(LEASE_ENDS);
    expect(seen.issued).toBe(LEASE_ENDS + 1);
  });
});

describe('kill -9', () => {
  it('fails no call while the service is started again', async () => {
    const { client, seen } = openClient({ attempts: 30 });
    const graph = client.graph({ ...TARGET, ttl_seconds: 2 });
    await graph.get('me');
    let isBack = false;
    const restart = async (): Promise<void> => {
      await replica.kill();
      replica = await startChildReplica(environment);
      isBack = true;
    };
    const before = seen.issued;
    await Promise.all([
      restart(),
      workInParallel(
        () => !isBack || seen.issued === before,
        () => graph.get('me'),
      ),
    ]);
    expect(seen.issued).toBeGreaterThan(before);
  });
});

describe('Graph', () => {
  it('reads lists, posts as an asset, and tells errors apart', async () => {
    const { client } = openClient();
    const seen: string[] = [];
    const list = client.graph(TARGET).items<{ id: string }>('me/accounts', { fields: 'id', limit: 2 });
    for await (const { id } of list) seen.push(id);
    expect(seen.sort()).toEqual([...pageIds].sort());
    const page = client.graph({ ...TARGET, asset_id: pageIds[0] as string });
    const { id } = await page.post<{ id: string }>(`${pageIds[0]}/feed`, { message: 'Straße & «Café»' });
    expect(await page.get(id, { fields: 'message' })).toMatchObject({ message: 'Straße & «Café»' });
    await page.delete(id);
    await expect(page.get('me/shoes')).rejects.toMatchObject({ code: 'meta_error', status: 400, meta: { code: 100 } });
    await expect(page.get('debug_token')).rejects.toMatchObject({ code: 'path_not_allowed', status: 403 });
  });
});

describe("Meta's business SDK", () => {
  it('calls with the lease that is current, pages included, and shows no token', async () => {
    const { client, seen } = openClient();
    const ads = client.leases.businessSdk(sdk.FacebookAdsApi, TARGET);
    const accounts = await new sdk.User('me', {}, undefined, ads).getAccounts(['id'], { limit: 2 });
    const ids = accounts.map(({ id }) => id);
    await client.leases.end((await client.leases.for(TARGET)).id);
    await accounts.next();
    expect([...ids, ...accounts.map(({ id }) => id)].sort()).toEqual([...pageIds].sort());
    expect(accounts.hasNext()).toBe(false);
    await client.leases.end((await client.leases.for(TARGET)).id);
    const calls = await Promise.all([1, 2, 3].map(() => ads.call('GET', ['me'], { fields: 'id' })));
    expect(new Set(calls.map(({ id }) => id)).size).toBe(1);
    expect(seen.issued).toBe(3);
    const error = await ads.call('GET', ['me', 'shoes']).catch((failure: unknown) => failure);
    expect(error).toMatchObject({ name: 'FacebookRequestError', status: 400 });
    for (const shown of [error, ads]) expect(inspect(shown, { depth: 20 })).not.toMatch(/mtl_[a-z0-9]/);
  });
});

describe('the API', () => {
  it('makes and describes what a product needs', async () => {
    const { client } = openClient();
    const { data } = await client.connections.list({ tenant: 'acme' });
    const connection = await client.connections.get(data[0]?.id ?? '');
    expect(connection).toMatchObject({ tenant: 'acme', status: 'active' });
    const assets: string[] = [];
    for await (const { id } of client.connections.assets(connection.id, { type: 'page' })) assets.push(id);
    expect(assets.sort()).toEqual([...pageIds].sort());
    const described = await client.connections.update(connection.id, {
      reference: 'customer-7',
      metadata: { plan: 'a' },
    });
    expect(described).toMatchObject({ reference: 'customer-7', metadata: { plan: 'a' } });
    const session = await client.connectSessions.create({ ...TARGET, flow: 'facebook_login' });
    expect(await client.connectSessions.get(session.id)).toMatchObject({ id: session.id });
    const { results } = await client.leases.issueMany([TARGET, { tenant: 'nobody', product: 'pages' }]);
    expect(results).toMatchObject([{ lease: { mode: 'gateway' } }, { problem: { code: 'connection_not_found' } }]);
    const listed = new Set<string>();
    for await (const { lease_id } of client.leases.all({ connection_id: connection.id, status: 'active' })) {
      listed.add(lease_id);
    }
    for (const result of results) if ('lease' in result) expect(listed).toContain(result.lease.lease_id);
  });

  it('refuses with typed errors', async () => {
    const { client } = openClient();
    const missing = {
      code: 'connection_not_found',
      status: 404,
      remedy: expect.any(String),
      requestId: expect.any(String),
    };
    await expect(client.leases.for({ tenant: 'nobody', product: 'pages' })).rejects.toMatchObject(missing);
    const odd = client.connectSessions.create({ ...TARGET, flow: 'carrier_pigeon' as 'facebook_login' });
    await expect(odd).rejects.toMatchObject({ code: 'invalid_request', errors: [{ path: 'flow' }] });
    await expect(client.request('get', '/v1/audit')).rejects.toMatchObject({ code: 'forbidden', status: 403 });
  });

  it('sends events that the verifier accepts', async () => {
    const receiver = await startReceiver();
    const { client } = openClient({ apiKey: TEST_ADMIN_KEY });
    const { id, secret } = await client.subscriptions.create({ url: receiver.url, events: ['connection.created'] });
    expect(await client.subscriptions.test(id)).toMatchObject({ delivered: true });
    const [{ headers, body } = { headers: {}, body: '' }] = await receiver.waitFor(1);
    expect(new EventVerifier(secret).verify(body, headers)).toMatchObject({ type: 'subscription.test' });
    await client.subscriptions.delete(id);
    await receiver.close();
  });
});
