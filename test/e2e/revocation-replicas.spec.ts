import { once } from 'node:events';
import http from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { LifecycleJob } from '../../src/lifecycle/sweeps/lifecycle.job.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { type ChildReplica, startChildReplica } from '../support/child-replica.ts';
import { type DatabaseProxy, startDatabaseProxy } from '../support/database-proxy.ts';
import { type FreshDatabase, freshDatabase } from '../support/fresh-database.ts';
import { startTestReplica, TEST_ADMIN_KEY } from '../support/test-replica.ts';
import { startTestSandbox } from '../support/test-sandbox.ts';
import { until } from '../support/until.ts';

const REPLICAS = 3;
/** The delay of each message between a replica and the database, in each direction. */
const SLOW_MS = 20;

let sandbox: Sandbox;
let database: FreshDatabase;
let sql: pg.Client;
let proxy: DatabaseProxy;
let replicas: ChildReplica[] = [];
let serviceKey: string;

beforeAll(async () => {
  sandbox = await startTestSandbox();
  database = await freshDatabase();
  sql = new pg.Client({ connectionString: database.url });
  await sql.connect();
  proxy = await startDatabaseProxy(database.url);
  await startReplicas();
  const client = { name: 'load', role: 'service', tenants: ['*'], products: ['*'], lease_modes: ['gateway', 'token'] };
  serviceKey = (await api(0, 'POST', '/v1/clients', client)).body.api_key;
});
// A test may kill them.
beforeEach(startReplicas, 120_000);
afterAll(async () => {
  await killReplicas();
  proxy?.close();
  await sql?.end();
  await database?.drop();
  await sandbox?.close();
});

async function startReplicas(): Promise<void> {
  if (replicas.length > 0) return;
  const environment = { ...sandbox.environment(), DATABASE_URL: proxy.url, CLAIM_SECONDS: '2' };
  replicas = await Promise.all(Array.from({ length: REPLICAS }, () => startChildReplica(environment)));
}

async function killReplicas(): Promise<void> {
  await Promise.all(replicas.splice(0).map((replica) => replica.kill()));
}

// biome-ignore lint/suspicious/noExplicitAny: bodies of the API, whose fields the tests look at
type Response = { status: number; body: any };

const urlOf = (index: number): string => replicas[index % REPLICAS]?.url ?? '';

/** A call to one replica over kept-alive connections. */
async function api(
  index: number,
  method: string,
  path: string,
  body?: unknown,
  key = TEST_ADMIN_KEY,
): Promise<Response> {
  const response = await fetch(urlOf(index) + path, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json() };
}

interface User {
  id: string;
  tenant: string;
  token: string;
  userId: string;
}

let made = 0;

/** A connection of a new user, with a Page. */
async function connected(options: { expiresIn?: number } = {}): Promise<User> {
  const tenant = `t${made++}`;
  const user = sandbox.state.make.user({ kind: 'user' });
  sandbox.state.make.page({ userIds: [user.id] });
  const token = sandbox.state.make.token({ userId: user.id, ...options }).accessToken;
  const response = await api(made, 'POST', '/v1/connections/import', { tenant, product: 'pages', access_token: token });
  expect(response).toMatchObject({ status: 201 });
  return { id: response.body.id, tenant, token, userId: user.id };
}

const lease = (index: number, { tenant }: User, mode = 'gateway'): Promise<Response> =>
  api(index, 'POST', '/v1/leases', { tenant, product: 'pages', mode }, serviceKey);
const call = (index: number, leaseToken: string): Promise<Response> =>
  api(index, 'GET', '/graph/v26.0/me', undefined, leaseToken);

/** A 503 (the database did not respond in time) promises nothing: retry, as a client does. */
async function revokeAt(index: number, { id }: User): Promise<Response> {
  for (;;) {
    const response = await api(index, 'DELETE', `/v1/connections/${id}`);
    if (response.status !== 503) return response;
  }
}

async function metricsOf(index: number): Promise<string> {
  return (await fetch(`${urlOf(index)}/metrics`)).text();
}

/** The tokens of a connection that could still be opened. */
async function sealed(id: string): Promise<number> {
  const { rows } = await sql.query(
    `SELECT count(*)::integer AS count FROM sealed_secret s WHERE s.id IN (
      SELECT secret_id FROM credential WHERE connection_id = $1
      UNION SELECT v.secret_id FROM credential_version v JOIN credential c ON c.id = v.credential_id WHERE c.connection_id = $1
      UNION SELECT secret_id FROM provider_revocation WHERE connection_id = $1)`,
    [id],
  );
  return rows[0].count;
}

interface Seen {
  begunAt: number;
  what: string;
  response: Response;
}

describe('after the response to DELETE, with a slow database', () => {
  it('no replica issues or serves a lease, however many ask at that moment', async () => {
    const connection = await connected();
    const tokens = await Promise.all(
      [0, 1, 2].map(async (index) => (await lease(index, connection)).body.access_token),
    );
    proxy.delay(SLOW_MS);
    const seen: Seen[] = [];
    const issued: string[] = [];
    let isOver = false;
    const ask = async (index: number, what: string, of: () => Promise<Response>): Promise<void> => {
      while (!isOver) {
        const begunAt = performance.now();
        const response = await of();
        if (what === 'lease' && response.status === 201) issued.push(response.body.access_token);
        seen.push({ begunAt, what: `${what} at ${index}`, response });
      }
    };
    const load = [0, 1, 2].flatMap((index) => [
      ask(index, 'lease', () => lease(index, connection)),
      ask(index, 'token', () => lease(index, connection, 'token')),
      ask(index, 'call', () => call(index, tokens[index] ?? '')),
      ask(index, 'call of another', () => call(index, tokens[(index + 1) % REPLICAS] ?? '')),
    ]);
    await until(() => seen.length >= 40, Boolean, 40_000);
    const revoked = await revokeAt(0, connection);
    const respondedAt = performance.now();
    const left = await sealed(connection.id);
    const before = seen.length;
    await until(() => seen.length >= before + 40, Boolean, 40_000);
    isOver = true;
    await Promise.all(load);
    proxy.delay(0);
    expect(revoked).toMatchObject({ status: 200, body: { status: 'revoked', provider_revocation: 'confirmed' } });
    expect(left).toBe(0);
    const late = seen.filter(({ begunAt }) => begunAt > respondedAt);
    expect(late.length).toBeGreaterThan(20);
    expect(late.filter(({ response }) => response.status < 400)).toEqual([]);
    const refusals = new Set(late.map(({ response }) => response.status));
    expect([refusals.has(401), refusals.has(404)]).toEqual([true, true]);
    expect(seen.some(({ response }) => response.status === 200)).toBe(true);
    // Includes those issued while the connection was being revoked.
    for (const [index, token] of [...issued.slice(-12), ...tokens].entries()) {
      expect((await call(index, token)).status).toBe(401);
    }
    expect(revoked.body.leases_revoked).toBeLessThanOrEqual(issued.length + tokens.length + seen.length);
  });

  it('a running upload is cut off on another replica', async () => {
    const connection = await connected();
    const { access_token: token } = (await lease(1, connection)).body;
    const upload = http.request(`${urlOf(1)}/graph-video/v26.0/me/videos`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/octet-stream',
        'transfer-encoding': 'chunked',
      },
    });
    const ended = Promise.race([
      once(upload, 'response').then(([response]) => Number((response as http.IncomingMessage).statusCode)),
      once(upload, 'error').then(() => 0),
    ]);
    upload.on('error', () => undefined);
    let isCut = false;
    void ended.then(() => {
      isCut = true;
    });
    upload.write(Buffer.alloc(65_536));
    await until(async () => (await metricsOf(1)).includes('metavault_gateway_calls{state="running"} 1'));
    expect(isCut).toBe(false);
    expect((await api(0, 'DELETE', `/v1/connections/${connection.id}`)).status).toBe(200);
    await until(() => {
      upload.write(Buffer.alloc(1024));
      return isCut;
    });
    const status = await ended;
    expect(status === 0 || status >= 400).toBe(true);
    upload.destroy();
  });
});

describe('work in progress on other replicas', () => {
  it('restores nothing: a refresh, an inspection, an import of the same user', async () => {
    const connection = await connected({ expiresIn: 86_400 });
    sandbox.state.setLatency(300);
    const arrivals = sandbox.state.faults.add({ fault: { kind: 'delay', delayMs: 0 } });
    const working = [
      api(1, 'POST', `/v1/connections/${connection.id}/refresh`, {}),
      api(2, 'POST', `/v1/connections/${connection.id}/check`, {}),
      api(1, 'POST', '/v1/connections/import', {
        tenant: connection.tenant,
        product: 'pages',
        access_token: connection.token,
      }),
    ];
    await until(() => arrivals.struck >= 2);
    sandbox.state.faults.clear();
    proxy.delay(SLOW_MS);
    expect((await revokeAt(0, connection)).status).toBe(200);
    const [, , imported] = await Promise.all(working);
    proxy.delay(0);
    sandbox.state.setLatency(0);
    expect((await api(2, 'GET', `/v1/connections/${connection.id}`)).body).toMatchObject({ status: 'revoked' });
    // Nothing is kept in the end: Meta has confirmed, or the grant is shared with the imported connection.
    await until(async () => (await sealed(connection.id)) === 0);
    // An import that ended first updated the connection, which was then revoked; a later one made another.
    if (imported?.status === 201 && imported.body.id === connection.id) expect(imported.body.status).toBe('active');
    const again = await lease(1, connection);
    expect(again.status === 201 ? again.body.connection_id : null).not.toBe(connection.id);
  });

  it('nor does a deauthorization or a second DELETE', async () => {
    const connection = await connected();
    await api(0, 'DELETE', `/v1/connections/${connection.id}`);
    const second = await api(1, 'DELETE', `/v1/connections/${connection.id}`);
    expect(second).toMatchObject({ status: 200, body: { status: 'revoked', leases_revoked: 0 } });
    await sandbox.state.sendSignedRequest({
      kind: 'deauthorize',
      userId: connection.userId,
      url: `${urlOf(2)}/webhooks/meta/deauthorize`,
    });
    expect((await api(2, 'GET', `/v1/connections/${connection.id}`)).body).toMatchObject({ status: 'revoked' });
    for (const work of ['refresh', 'check']) {
      expect((await api(1, 'POST', `/v1/connections/${connection.id}/${work}`, {})).status).toBe(409);
    }
  });
});

describe('at Meta', () => {
  it('continues through an outage and a restart until confirmed, with one token kept, then destroyed', async () => {
    const connection = await connected();
    sandbox.state.faults.add({ fault: { kind: 'drop_before' }, match: { pathPattern: 'permissions' }, times: null });
    const revoked = await api(0, 'DELETE', `/v1/connections/${connection.id}`);
    expect(revoked.body).toMatchObject({ status: 'revoked', provider_revocation: 'pending' });
    expect(await sealed(connection.id)).toBe(1);
    expect((await lease(1, connection)).status).toBe(404);
    await killReplicas();
    const due = () => sql.query('UPDATE provider_revocation SET next_attempt_at = now()');
    const restarted = await startTestReplica({ environment: sandbox.environment(), databaseUrl: database.url });
    try {
      await due();
      await restarted.app.get(LifecycleJob).runUrgentWork();
      expect(await sealed(connection.id)).toBe(1);
      sandbox.state.faults.clear();
      expect(sandbox.state.user(connection.userId).grants[sandbox.app.id]?.active).toBe(true);
      // The breaker of the app has to find out first that Meta is back.
      const processDue = async (): Promise<boolean> => {
        await due();
        await restarted.app.get(LifecycleJob).runUrgentWork();
        return (await sealed(connection.id)) === 0;
      };
      await until(processDue, Boolean, 90_000);
    } finally {
      await restarted.close();
    }
    expect(sandbox.state.user(connection.userId).grants[sandbox.app.id]?.active).not.toBe(true);
    const { rows } = await sql.query('SELECT provider_revocation FROM connection WHERE id = $1', [connection.id]);
    expect(rows).toEqual([{ provider_revocation: 'confirmed' }]);
  });
});
