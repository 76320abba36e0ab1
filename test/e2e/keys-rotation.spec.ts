import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import type { Database } from '../../src/database/database.ts';
import { SystemClock } from '../../src/platform/clock.ts';
import { SecretString } from '../../src/platform/secret-string.ts';
import { type ChildReplica, startChildReplica } from '../support/child-replica.ts';
import { createServiceClient } from '../support/connect-test-context.ts';
import { connect, createConnectionsHarness } from '../support/connections-harness.ts';
import { type OpenDatabase, openFreshDatabase } from '../support/fresh-database.ts';
import { testConfig } from '../support/test-config.ts';
import { startTestReplica, TEST_ADMIN_KEY, type TestReplica } from '../support/test-replica.ts';
import { openTestVault } from '../support/test-vault.ts';
import { until } from '../support/until.ts';

const CONNECTIONS = 30;
/** Unrelated secrets, so that the rewrap takes a while. */
const OTHERS = 1_200;
const ALL = CONNECTIONS + OTHERS;
const tokenOf = (n: number): string => `EAAtoken-of-number-${n}`;

let open: OpenDatabase;
let database: Database;
let replica: TestReplica;
/** One to be killed midway, and one that serves throughout, in addition to the one in this process. */
let child: ChildReplica;
let other: ChildReplica;
let serviceKey: string;

beforeAll(async () => {
  open = await openFreshDatabase();
  database = open.database;
  replica = await startTestReplica({ databaseUrl: open.url });
  [child, other] = await Promise.all([
    startChildReplica({ DATABASE_URL: open.url }),
    startChildReplica({ DATABASE_URL: open.url }),
  ]);
  const clock = new SystemClock();
  const of = await openTestVault(database, clock);
  const harness = createConnectionsHarness(database, clock, testConfig(), of);
  for (let n = 0; n < CONNECTIONS; n++) {
    await connect(harness, clock, { tenant: `t${n}`, metaUserId: `${1000 + n}`, root: { token: tokenOf(n) } });
  }
  await database.transaction(async (tx) => {
    for (let n = 0; n < OTHERS; n++) await of.vault.put(tx, new SecretString(`other ${n}`), ['other', String(n)]);
  });
  serviceKey = (await createServiceClient({ replica }, { lease_modes: ['token', 'gateway'] })).key;
});

afterAll(async () => {
  await child?.kill();
  await other?.kill();
  await replica?.close();
  await open?.close();
});

const bearer = (key: string): [string, string] => ['Authorization', `Bearer ${key}`];
const server = () => replica.app.getHttpServer();
const admin = {
  get: (path: string) =>
    request(server())
      .get(path)
      .set(...bearer(TEST_ADMIN_KEY)),
  post: (path: string, body?: object) =>
    request(server())
      .post(path)
      .set(...bearer(TEST_ADMIN_KEY))
      .send(body),
  delete: (path: string) =>
    request(server())
      .delete(path)
      .set(...bearer(TEST_ADMIN_KEY)),
};

interface KeyResponse {
  id: string;
  state: string;
  data_keys: number;
}

async function keys(): Promise<KeyResponse[]> {
  return (await admin.get('/v1/keys').expect(200)).body.data;
}

describe('rotation under lease load', () => {
  it('loses no lease, whichever replica dies on the way, and ends with a new key and a retired one', async () => {
    const failures: unknown[] = [];
    let leases = 0;
    let over = false;
    const load = async (on: Parameters<typeof request>[0], offset: number): Promise<void> => {
      for (let n = offset; !over; n = (n + 7) % CONNECTIONS) {
        const mode = leases % 3 === 0 ? 'gateway' : 'token';
        const response = await request(on)
          .post('/v1/leases')
          .set(...bearer(serviceKey))
          .send({ tenant: `t${n}`, product: 'pages', mode });
        const isServed = response.status === 201 && (mode === 'gateway' || response.body.access_token === tokenOf(n));
        if (!isServed) failures.push(response.body);
        leases += 1;
      }
    };
    const loads = Array.from({ length: 6 }, (_, n) => load(n % 2 === 0 ? server() : other.url, n * 4));
    const [old] = await keys();
    const rotated = await admin.post('/v1/keys/rotate');
    expect(rotated.status).toBe(201);
    expect(rotated.body).toMatchObject({ state: 'active', data_keys: 0 });
    // A key in use stays.
    expect((await admin.delete(`/v1/keys/${old?.id}`)).body.code).toBe('key_in_use');
    const asked = await admin.post('/v1/keys/rewrap');
    expect(asked.status).toBe(202);
    expect(asked.body).toMatchObject({ state: 'running', total: ALL });
    const look = async () =>
      (await admin.get('/v1/keys/rewrap').expect(200)).body as { state: string; remaining: number };
    await until(look, ({ remaining }) => remaining < ALL);
    await child.kill();
    const progress = await until(look, ({ state }) => state !== 'running', 40_000);
    expect(progress).toMatchObject({ state: 'done', remaining: 0 });
    await admin.delete(`/v1/keys/${old?.id}`).expect(204);
    // Both replicas also served after the old key was gone.
    const soFar = leases;
    await until(() => leases >= soFar + 50);
    over = true;
    await Promise.all(loads);
    expect(failures).toEqual([]);
    expect(leases).toBeGreaterThan(100);

    // The list, in pages, without the keys for audit and look-ups.
    const { body } = await admin.get('/v1/keys?limit=1').expect(200);
    expect(body.data).toHaveLength(1);
    const rest = (await admin.get(`/v1/keys?cursor=${body.next_cursor}`).expect(200)).body;
    expect([...body.data, ...rest.data].map(({ state }: KeyResponse) => state)).toEqual(['retired', 'active']);
    expect(Object.keys(body.data[0])).toEqual(['id', 'state', 'created_at', 'retired_at', 'data_keys']);

    // Retiring: 409 for the active key, 204 also the second time, 404 for an unknown key.
    const [retired, active] = await keys();
    const inUse = await admin.delete(`/v1/keys/${active?.id}`);
    expect([inUse.status, inUse.body.code]).toEqual([409, 'key_in_use']);
    await admin.delete(`/v1/keys/${retired?.id}`).expect(204);
    for (const id of ['kek_01k9zzzzzzzzzzzzzzzzzzzzzz', 'nonsense']) {
      const unknown = await admin.delete(`/v1/keys/${id}`);
      expect([id, unknown.status, unknown.body.code]).toEqual([id, 404, 'key_not_found']);
    }

    // An entry for each change, and a chain that holds.
    const found = async (action: string) => (await admin.get(`/v1/audit?action=${action}`)).body.data.length;
    expect(await found('key.rotated')).toBe(1);
    expect(await found('key.rewrap_requested')).toBe(1);
    expect(await found('key.rewrapped')).toBe(1);
    expect(await found('key.retired')).toBe(1);
    expect((await admin.get('/v1/audit/verify')).body.valid).toBe(true);

    // The metrics: data keys by key-encryption key.
    const { text } = await request(server()).get('/metrics');
    expect(text).toContain(`metavault_data_keys{kek="${active?.id}",state="active"} ${ALL}`);
  });
});

describe('/v1/keys', () => {
  it('403: services; auditors may only read', async () => {
    const auditor = await admin.post('/v1/clients', { name: 'a', role: 'auditor', tenants: ['*'], products: ['*'] });
    const as = (key: string, method: 'get' | 'post' | 'delete', path: string) =>
      request(server())
        [method](path)
        .set(...bearer(key));
    expect((await as(serviceKey, 'get', '/v1/keys')).status).toBe(403);
    expect((await as(auditor.body.api_key, 'get', '/v1/keys')).status).toBe(200);
    expect((await as(auditor.body.api_key, 'get', '/v1/keys/rewrap')).status).toBe(200);
    for (const path of ['/v1/keys/rotate', '/v1/keys/rewrap']) {
      expect((await as(auditor.body.api_key, 'post', path)).status).toBe(403);
    }
    expect((await as(auditor.body.api_key, 'delete', '/v1/keys/kek_x')).status).toBe(403);
  });
});
