import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import request from 'supertest';
import { Database } from '../../src/database/database.ts';
import { RetentionService } from '../../src/database/retention.service.ts';
import { type ChildReplica, startChildReplica } from '../support/child-replica.ts';
import {
  api,
  type ConnectTestContext,
  createServiceClient,
  openConnectTestContext,
} from '../support/connect-test-context.ts';
import { TEST_ADMIN_KEY, type TestReplica } from '../support/test-replica.ts';
import { until } from '../support/until.ts';

const CLIENT = { name: 'shop', role: 'service', tenants: ['acme'], products: ['pages'] };
const SESSION = { tenant: 'acme', product: 'pages', flow: 'facebook_login' };
const SUBSCRIPTION = { url: 'https://93.184.216.34/events', events: ['connection.created'] };

describe('Idempotency-Key', () => {
  let context: ConnectTestContext;
  let other: TestReplica;
  let database: Database;
  let keys = 0;
  beforeAll(async () => {
    context = await openConnectTestContext();
    other = await context.startAnotherReplica();
    database = context.replica.app.get(Database);
  });
  afterAll(() => context.close());

  const newKey = () => `key-${++keys}`;
  const post = (path: string, body: object, key: string, { replica = context.replica, by = TEST_ADMIN_KEY } = {}) =>
    request(replica.app.getHttpServer())
      .post(path)
      .set('Authorization', `Bearer ${by}`)
      .set('Idempotency-Key', key)
      .send(body);
  const count = async (table: string, condition = 'true'): Promise<number> =>
    (await database.rows({ text: `SELECT 1 FROM ${table} WHERE ${condition}` })).length;
  const systemUserToken = (): string => {
    const { make } = context.sandbox.state;
    const { id } = make.user({
      kind: 'system_user',
      businessId: '300000000000401',
      adAccountIds: ['act_330000000000404'],
    });
    return make.token({ userId: id, scopes: ['ads_management', 'ads_read', 'business_management'] }).accessToken;
  };
  const importOf = (accessToken: string) => ({ tenant: 'acme', product: 'ads', access_token: accessToken });

  it.each([
    ['/v1/clients', CLIENT, 'client'],
    ['/v1/connect-sessions', SESSION, 'connect_session'],
    ['/v1/subscriptions', SUBSCRIPTION, 'subscription'],
  ])(
    'gives a repeat of POST %s the first answer, on any replica, and makes nothing twice',
    async (path, body, table) => {
      const key = newKey();
      const first = await post(path, body, key);
      const made = await count(table);
      const reordered = Object.fromEntries(Object.entries(body).reverse());
      const again = await post(`${path}/`, reordered, `"${key}"`, { replica: other });
      expect([first.status, again.status]).toEqual([201, 201]);
      expect(again.body).toEqual(first.body);
      expect(again.headers['location']).toBe(first.headers['location']);
      expect([first.headers['idempotency-replayed'], again.headers['idempotency-replayed']]).toEqual([
        undefined,
        'true',
      ]);
      expect(await count(table)).toBe(made);
      const shown = await api(context).get(String(first.headers['location']));
      expect([shown.status, shown.body.id]).toEqual([200, first.body.id]);
    },
  );

  it('repeats a key of a client, which works, and issues only one', async () => {
    const { id } = await createServiceClient(context);
    const key = newKey();
    const path = `/v1/clients/${id}/keys`;
    const [first, again] = [await post(path, {}, key), await post(path, {}, key)];
    expect(again.body).toEqual(first.body);
    expect(again.headers['location']).toBe(`/v1/clients/${id}`);
    expect(await count('client_key', `client_id = '${id}'`)).toBe(2);
    expect((await post('/v1/connect-sessions', SESSION, newKey(), { by: again.body.api_key })).status).toBe(201);
  });

  it('refuses another body, and counts by client and by path', async () => {
    const key = newKey();
    await post('/v1/connect-sessions', SESSION, key).expect(201);
    const reused = await post('/v1/connect-sessions', { ...SESSION, tenant: 'other' }, key);
    expect([reused.status, reused.body.code]).toEqual([409, 'idempotency_key_reused']);
    await post('/v1/clients', CLIENT, key).expect(201);
    const service = await createServiceClient(context);
    const others = await post('/v1/connect-sessions', { ...SESSION, tenant: 'other' }, key, { by: service.key });
    expect([others.status, others.headers['idempotency-replayed']]).toEqual([201, undefined]);
  });

  it('refuses malformed keys, and keeps no refusals', async () => {
    const malformed = await post('/v1/clients', CLIENT, 'x'.repeat(256));
    expect([malformed.status, malformed.body.errors[0].path]).toEqual([400, 'Idempotency-Key']);
    const key = newKey();
    await post('/v1/clients', { ...CLIENT, role: 'king' }, key).expect(400);
    await post('/v1/subscriptions', { ...SUBSCRIPTION, url: 'no address' }, key).expect(400);
    await post('/v1/clients', CLIENT, key).expect(201);
    await post('/v1/subscriptions', SUBSCRIPTION, key).expect(201);
  });

  it('makes one thing of many requests at once, on two replicas', async () => {
    const key = newKey();
    const identities = [{ issuer: 'https://issuer.example', subject: 'only-once', audience: 'metavault' }];
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        post('/v1/clients', { ...CLIENT, name: 'at once', identities }, key, {
          replica: index % 2 === 0 ? context.replica : other,
        }),
      ),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(await count('client', `name = 'at once'`)).toBe(1);
  });

  it('stores answers and keys only sealed or hashed', async () => {
    const key = newKey();
    const { body } = await post('/v1/clients', CLIENT, key);
    const rows = await database.rows<Record<string, unknown>>({
      text: `SELECT k.*::text AS key, s.*::text AS secret FROM idempotency_key k JOIN sealed_secret s ON s.id = k.secret_id`,
    });
    const stored = JSON.stringify(rows);
    expect(rows.length).toBeGreaterThan(0);
    for (const secret of [body.api_key, key]) {
      expect(stored).not.toContain(secret);
      expect(stored).not.toContain(Buffer.from(String(secret)).toString('hex'));
    }
  });

  it('imports once: the repeat shows the connection, without another call of Meta', async () => {
    const [key, token] = [newKey(), systemUserToken()];
    const first = await post('/v1/connections/import', importOf(token), key);
    const calls = context.sandbox.state.log.list().length;
    const again = await post('/v1/connections/import', importOf(token), key, { replica: other });
    expect([first.status, again.status, again.headers['idempotency-replayed']]).toEqual([201, 201, 'true']);
    expect(again.body).toEqual(first.body);
    expect(again.headers['location']).toBe(`/v1/connections/${first.body.id}`);
    expect(context.sandbox.state.log.list().length).toBe(calls);
    const reused = await post('/v1/connections/import', importOf(systemUserToken()), key);
    expect([reused.status, reused.body.code]).toEqual([409, 'idempotency_key_reused']);
  });

  it('says that an import still runs, and lets a failed one be repeated', async () => {
    const [key, token] = [newKey(), systemUserToken()];
    const match = { pathPattern: 'debug_token' };
    const fault = context.sandbox.state.faults.add({ match, fault: { kind: 'delay', delayMs: 2_000 } });
    const running = post('/v1/connections/import', importOf(token), key).then((response) => response);
    await until(() => fault.struck > 0);
    const early = await post('/v1/connections/import', importOf(token), key, { replica: other });
    expect([early.status, early.body.code]).toEqual([409, 'idempotency_key_in_use']);
    expect(Number(early.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    const first = await running;
    context.sandbox.state.faults.clear();
    const late = await post('/v1/connections/import', importOf(token), key);
    expect([first.status, late.status, late.body.id]).toEqual([201, 201, first.body.id]);

    const wrong = newKey();
    await post('/v1/connections/import', importOf('EAA-wrong'), wrong).expect(422);
    await post('/v1/connections/import', importOf(systemUserToken()), wrong).expect(201);
  });

  it('forgets after 24 hours, and the sweep removes keys and answers', async () => {
    const key = newKey();
    const first = await post('/v1/connect-sessions', SESSION, key);
    context.clock.advance(24 * 3600 - 1);
    expect((await post('/v1/connect-sessions', SESSION, key)).body.id).toBe(first.body.id);
    context.clock.advance(1);
    const later = await post('/v1/connect-sessions', { ...SESSION, tenant: 'later' }, key);
    expect([later.status, later.headers['idempotency-replayed']]).toEqual([201, undefined]);
    await context.replica.app.get(RetentionService).run(() => false);
    expect(await count('idempotency_key')).toBe(1);
    expect(await count('sealed_secret', `id IN (SELECT secret_id FROM idempotency_key)`)).toBe(1);
    context.clock.advance(24 * 3600);
    await context.replica.app.get(RetentionService).run(() => false);
    expect(await count('idempotency_key')).toBe(0);
  });
});

describe('Idempotency-Key on a replica that is killed', () => {
  let context: ConnectTestContext;
  let child: ChildReplica | null = null;
  beforeAll(async () => {
    context = await openConnectTestContext({ environment: { CLAIM_SECONDS: '1' } });
  });
  afterAll(async () => {
    await child?.kill();
    await context.close();
  });

  const startChild = async (): Promise<ChildReplica> => {
    const environment = { ...context.sandbox.environment(), DATABASE_URL: context.replica.databaseUrl };
    child = await startChildReplica({ ...environment, CLAIM_SECONDS: '1', HOST: '127.0.0.1' });
    return child;
  };
  const send = (url: string, path: string, body: object, key: string) =>
    fetch(`${url}${path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${TEST_ADMIN_KEY}`,
        'content-type': 'application/json',
        'idempotency-key': key,
      },
      body: JSON.stringify(body),
    });
  const count = async (table: string, condition: string): Promise<number> =>
    (await context.replica.app.get(Database).rows({ text: `SELECT 1 FROM ${table} WHERE ${condition}` })).length;

  it('before its transaction ends made nothing: the repeat makes the thing, once', async () => {
    const first = await startChild();
    const blocker = new pg.Client({ connectionString: context.replica.databaseUrl });
    await blocker.connect();
    await blocker.query('BEGIN; LOCK TABLE client_key IN SHARE ROW EXCLUSIVE MODE');
    const body = { ...CLIENT, name: 'killed' };
    const cutOff = send(first.url, '/v1/clients', body, 'k1').catch(() => null);
    const waiting = `wait_event_type = 'Lock' AND query LIKE '%client_key%' AND datname = current_database()`;
    await until(async () => (await count('pg_stat_activity', waiting)) > 0);
    await first.kill();
    await cutOff;
    await blocker.query('ROLLBACK');
    await blocker.end();
    const again = () => api(context).post('/v1/clients', body).set('Idempotency-Key', 'k1');
    const [made, replayed] = [await again(), await again()];
    expect([made.status, made.headers['idempotency-replayed']]).toEqual([201, undefined]);
    expect(replayed.body).toEqual(made.body);
    expect(await count('client', `name = 'killed'`)).toBe(1);
  });

  it('while it imports is repeated by another: one connection', async () => {
    const first = await startChild();
    const { make, faults } = context.sandbox.state;
    const user = make.user({
      kind: 'system_user',
      businessId: '300000000000401',
      adAccountIds: ['act_330000000000404'],
    });
    const { accessToken } = make.token({
      userId: user.id,
      scopes: ['ads_management', 'ads_read', 'business_management'],
    });
    const fault = faults.add({ match: { pathPattern: 'adaccounts' }, fault: { kind: 'delay', delayMs: 5_000 } });
    const body = { tenant: 'acme', product: 'ads', access_token: accessToken };
    const cutOff = send(first.url, '/v1/connections/import', body, 'k2').catch(() => null);
    await until(() => fault.struck > 0);
    await first.kill();
    await cutOff;
    faults.clear();
    // The child uses the real time, this replica a fake clock.
    context.clock.set(new Date(Date.now() + 2_000));
    const again = () => api(context).post('/v1/connections/import', body).set('Idempotency-Key', 'k2');
    const [made, replayed] = [await again(), await again()];
    expect([made.status, replayed.status, replayed.headers['idempotency-replayed']]).toEqual([201, 201, 'true']);
    expect(replayed.body.id).toBe(made.body.id);
    expect(await count('connection', `tenant = 'acme'`)).toBe(1);
  });
});
