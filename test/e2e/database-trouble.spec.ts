import { createHmac } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import request from 'supertest';
import {
  api,
  browseToCallback,
  type ConnectTestContext,
  completeConnect,
  connectionAt,
  createServiceClient,
  createSession,
  openConnectTestContext,
  RETURN_ORIGIN,
} from '../support/connect-test-context.ts';
import { type DatabaseProxy, startDatabaseProxy } from '../support/database-proxy.ts';
import { type FreshDatabase, freshDatabase } from '../support/fresh-database.ts';
import { TEST_ADMIN_KEY, TEST_ENVIRONMENT } from '../support/test-replica.ts';
import { until } from '../support/until.ts';

/** Far above the promised two seconds, far below the timeouts of statements that may take long. */
const NO_HANG_MS = 6_000;

interface Route {
  method: string;
  path: string;
}

let fresh: FreshDatabase;
let proxy: DatabaseProxy;
let context: ConnectTestContext;
let owner: pg.Client;
let connectionId = '';
let connectUrl = '';
let callback = '';
let lease = '';
let serviceKey = '';
let routes: Route[] = [];

beforeAll(async () => {
  fresh = await freshDatabase();
  proxy = await startDatabaseProxy(fresh.url);
  context = await openConnectTestContext({ databaseUrl: proxy.url, databasePatience: 1 });
  owner = new pg.Client({ connectionString: fresh.url });
  await owner.connect();
  connectionId = (await connectionAt(context, await completeConnect(context))).id;
  serviceKey = (await createServiceClient(context, { lease_modes: ['token', 'gateway'] })).key;
  const wanted = { tenant: 'acme', product: 'pages' };
  lease = (await api(context, serviceKey).post('/v1/leases', wanted)).body.access_token;
  connectUrl = new URL((await createSession(context)).connect_url).pathname;
  callback = (await browseToCallback(context)).callback.toString().replace(/^https?:\/\/[^/]+/, '');
  routes = await listRoutes();
});
afterEach(async () => {
  proxy.restore();
  await recovered();
});
afterAll(async () => {
  await owner?.end();
  await context?.close();
  proxy?.close();
  await fresh?.drop();
});

const server = () => context.replica.app.getHttpServer();

/** Routes that answer without the database: admins may not take leases, and ways to sign in are settings. */
const WITHOUT_STATEMENTS = ['/v1/leases', '/v1/leases/batch', '/v1/console/sign-in'];

/** Every operation under /v1 of the API document, with ids that do not exist. */
async function listRoutes(): Promise<Route[]> {
  const { body } = await request(server()).get('/openapi.json');
  return Object.entries(body.paths as Record<string, object>)
    .filter(([path]) => path.startsWith('/v1/') && !WITHOUT_STATEMENTS.includes(path))
    .flatMap(([path, operations]) =>
      Object.keys(operations)
        .filter((method) => ['get', 'post', 'put', 'patch', 'delete'].includes(method))
        .map((method) => ({ method, path: path.replace(/\{[^}]+\}/g, connectionId) })),
    );
}

function call({ method, path }: Route): request.Test {
  const sent = request(server())[method as 'get'](path).set('Authorization', `Bearer ${TEST_ADMIN_KEY}`);
  if (path === '/v1/console/sessions' && method === 'post')
    return sent.set('Origin', TEST_ENVIRONMENT['PUBLIC_URL'] ?? '').send({ key: TEST_ADMIN_KEY });
  return method === 'get' || method === 'delete' ? sent : sent.send({});
}

/** Status, code and whether Retry-After is there. */
const seen = ({ status, body, headers }: request.Response) => [status, body.code, headers['retry-after'] !== undefined];
const UNAVAILABLE = [503, 'database_unavailable', true];

async function recovered(): Promise<void> {
  await until(
    () => api(context, TEST_ADMIN_KEY).get(`/v1/connections/${connectionId}`),
    ({ status }) => status === 200,
  );
}

async function within<T>(work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const result = await work();
  expect(performance.now() - startedAt).toBeLessThan(NO_HANG_MS);
  return result;
}

describe.each([
  ['refuses connections', () => proxy.cut()],
  ['is silent', () => proxy.silence()],
])('a database that %s', (_, start) => {
  it('is 503 on every route of the API', async () => {
    start();
    const answers = await within(() => Promise.all(routes.map(async (route) => [route, seen(await call(route))])));
    const others = answers.filter(([, answer]) => String(answer) !== String(UNAVAILABLE));
    expect(others).toEqual([]);
  });

  it('is 503 for leases and Graph calls, in the shape of each', async () => {
    start();
    const [issued, called] = await within(() =>
      Promise.all([
        api(context, serviceKey).post('/v1/leases', { tenant: 'acme', product: 'pages' }),
        request(server()).get('/graph/me').set('Authorization', `Bearer ${lease}`),
      ]),
    );
    expect(seen(issued)).toEqual(UNAVAILABLE);
    expect([called.status, called.body.error.error_data.code]).toEqual([503, 'database_unavailable']);
  });

  it('is 503 for signed webhooks, which Meta then repeats', async () => {
    const body = JSON.stringify({ object: 'page', entry: [{ id: '1', time: 1, changes: [] }] });
    const signature = createHmac('sha256', context.sandbox.app.secret).update(body).digest('hex');
    start();
    const refused = await within(() =>
      request(server())
        .post('/webhooks/meta')
        .set('Content-Type', 'application/json')
        .set('X-Hub-Signature-256', `sha256=${signature}`)
        .send(body),
    );
    expect(seen(refused)).toEqual(UNAVAILABLE);
  });

  it('is a page in words for people', async () => {
    start();
    const pages = await within(() =>
      Promise.all([connectUrl, callback].map((path) => request(server()).get(path).set('Accept', 'text/html'))),
    );
    for (const { status, text, headers } of pages) {
      expect([status, headers['content-type']]).toEqual([503, 'text/html; charset=utf-8']);
      expect(text).toContain('database did not respond');
      expect(headers['retry-after']).toBeDefined();
    }
  });

  it('is told by metrics and readiness, which do not wait for it', async () => {
    start();
    await call({ method: 'get', path: `/v1/connections/${connectionId}` });
    const startedAt = performance.now();
    const metrics = await request(server()).get('/metrics');
    expect(performance.now() - startedAt).toBeLessThan(1_500);
    expect(metrics.text).toMatch(/^metavault_database_up 0$/m);
    expect(metrics.text).toMatch(/^metavault_database_answer_age_seconds \d/m);
    const ready = await until(
      () => request(server()).get('/health/ready'),
      ({ status }) => status === 503,
    );
    expect(ready.body.details.database).toEqual({
      status: 'down',
      message: 'does not respond',
      last_answer_age_seconds: expect.any(Number),
    });
  });
});

describe('a database that is read-only', () => {
  it('is 503 for changes, and serves what needs none', async () => {
    const name = new URL(fresh.url).pathname.slice(1);
    await owner.query(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
    // The setting applies only to new connections.
    proxy.cut();
    proxy.restore();
    try {
      await recovered();
      const made = await Promise.all([
        api(context, TEST_ADMIN_KEY).post('/v1/connect-sessions', {
          tenant: 'acme',
          product: 'pages',
          flow: 'facebook_login',
          return_url: `${RETURN_ORIGIN}/done`,
        }),
        api(context, TEST_ADMIN_KEY).post('/v1/clients', {
          name: 'n',
          role: 'service',
          tenants: ['acme'],
          products: ['pages'],
        }),
        api(context, TEST_ADMIN_KEY).delete(`/v1/connections/${connectionId}`),
        api(context, TEST_ADMIN_KEY).post('/v1/keys/rotate', {}),
        api(context, serviceKey).post('/v1/leases', { tenant: 'acme', product: 'pages' }),
      ]);
      expect(made.map(seen)).toEqual(made.map(() => UNAVAILABLE));
    } finally {
      await owner.query('SET default_transaction_read_only = off');
      await owner.query(`ALTER DATABASE ${name} RESET default_transaction_read_only`);
      proxy.cut();
      proxy.restore();
    }
  });
});
