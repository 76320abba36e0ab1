import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { Database } from '../../src/database/database.ts';
import { api } from '../support/connect-test-context.ts';
import { type LifecycleTestContext, openLifecycleTestContext } from '../support/lifecycle-test-context.ts';
import { AUDIENCE, SUBJECT, startTestIssuer, type TestIssuer } from '../support/test-issuer.ts';
import { TEST_ADMIN_KEY, type TestReplica } from '../support/test-replica.ts';

/** A change at the first replica must apply to the next call at the second, which caches clients. */
let context: LifecycleTestContext;
let second: TestReplica;
let issuer: TestIssuer;

beforeAll(async () => {
  context = await openLifecycleTestContext();
  issuer = await startTestIssuer();
  second = await context.startAnotherReplica({
    OIDC_ISSUERS: issuer.url,
    OIDC_AUDIENCE: AUDIENCE,
    TRUSTED_PROXIES: '127.0.0.0/8, ::1',
  });
  await context.importConnection({ pages: 1 });
});
afterAll(async () => {
  await context?.close();
  await issuer?.close();
});

interface Client {
  id: string;
  key: string;
}

async function makeClient(policy: object = {}): Promise<Client> {
  const body = { name: 'shop', role: 'service', tenants: ['acme'], products: ['pages'], ...policy };
  const response = await api(context).post('/v1/clients', body);
  expect([response.status, response.body.errors]).toEqual([201, undefined]);
  return { id: response.body.id as string, key: response.body.api_key as string };
}

const change = async (id: string, body: object): Promise<void> => {
  const server = context.replica.app.getHttpServer();
  const key = { Authorization: `Bearer ${TEST_ADMIN_KEY}` };
  expect((await request(server).patch(`/v1/clients/${id}`).set(key).send(body)).status).toBe(200);
};
const lease = (key: string, from = '127.0.0.1', body: object = {}) =>
  request(second.app.getHttpServer())
    .post('/v1/leases')
    .set({ Authorization: `Bearer ${key}`, 'X-Forwarded-For': from })
    .send({ tenant: 'acme', product: 'pages', ...body });
const graph = (token: string, path = '/graph/me', from = '127.0.0.1') =>
  request(second.app.getHttpServer())
    .get(path)
    .set({ Authorization: `Bearer ${token}`, 'X-Forwarded-For': from });

async function tokenOf(key: string): Promise<string> {
  const response = await lease(key);
  expect(response.status).toBe(201);
  return response.body.access_token as string;
}

describe('changing a client', () => {
  it('applies to its next lease, for rights removed and added', async () => {
    const { id, key } = await makeClient();
    await tokenOf(key);
    await change(id, { tenants: ['globex'] });
    expect((await lease(key)).body.code).toBe('not_allowed');
    await change(id, { tenants: ['acme'] });
    await tokenOf(key);
    expect((await lease(key, '127.0.0.1', { mode: 'token' })).body.code).toBe('mode_not_allowed');
    await change(id, { lease_modes: ['token'], max_ttl_seconds: 30 });
    expect((await lease(key)).body.code).toBe('mode_not_allowed');
    const token = await lease(key, '127.0.0.1', { mode: 'token', ttl_seconds: 900 });
    expect([token.status, token.body.expires_in]).toEqual([201, 30]);
  });

  it('applies to the next call with an existing lease', async () => {
    const { id, key } = await makeClient();
    const token = await tokenOf(key);
    expect((await graph(token)).status).toBe(200);
    await change(id, { allow: ['GET /*/accounts'] });
    const refused = await graph(token);
    expect([refused.status, refused.body.error.code, refused.body.error.error_data]).toEqual([
      403,
      200,
      { code: 'path_not_allowed' },
    ]);
    expect((await graph(token, '/graph/v26.0/me/accounts')).status).toBe(200);
    await change(id, { allow: { pages: ['GET /me'] } });
    expect((await graph(token)).status).toBe(200);
    await change(id, { allow: { ads: ['GET /**'] } });
    expect((await graph(token)).status).toBe(403);
    await change(id, { allow: null, products: ['ads'] });
    expect((await graph(token)).status).toBe(401);
    const introspected = await api(context).post('/v1/leases/introspect', { token });
    expect(introspected.body).toEqual({ active: false });
  });

  it('applies to its IP allow-list, for leases and Graph calls', async () => {
    const { id, key } = await makeClient();
    const token = await tokenOf(key);
    await change(id, { ip_allow_list: ['203.0.113.0/24'] });
    expect((await lease(key)).body).toMatchObject({ code: 'address_not_allowed', status: 403 });
    expect((await lease(key, '203.0.113.9')).status).toBe(201);
    // Our trusted proxy wrote the last address; the client may have made up those before it.
    expect((await lease(key, '203.0.113.9, 198.51.100.1')).status).toBe(403);
    expect((await graph(token)).body.error.error_data).toEqual({ code: 'address_not_allowed' });
    expect((await graph(token, '/graph/me', '203.0.113.9')).status).toBe(200);
    await change(id, { ip_allow_list: null });
    expect((await lease(key)).status).toBe(201);
    // The first replica trusts no proxy, so it ignores the header.
    await change(id, { ip_allow_list: ['203.0.113.0/24'] });
    const spoofed = await request(context.replica.app.getHttpServer())
      .post('/v1/leases')
      .set({ Authorization: `Bearer ${key}`, 'X-Forwarded-For': '203.0.113.9' })
      .send({ tenant: 'acme', product: 'pages' });
    expect(spoofed.body.code).toBe('address_not_allowed');
  });

  it('applies to its rate limit', async () => {
    const { id, key } = await makeClient({ rate_limit_per_second: 1 });
    const statuses = await Promise.all(Array.from({ length: 4 }, async () => (await lease(key)).status));
    expect(statuses).toContain(429);
    await change(id, { rate_limit_per_second: null });
    context.clock.advance(1.001);
    expect((await lease(key)).status).toBe(201);
  });
});

describe('a client with a token from an issuer', () => {
  it('gets leases with it until it loses the identity', async () => {
    const identity = { issuer: issuer.url, audience: AUDIENCE, subject: SUBJECT };
    const { id } = await makeClient({ identities: [identity] });
    const token = await issuer.sign(context.clock.now());
    const mine = await lease(token);
    expect(mine.status).toBe(201);
    expect((await graph(mine.body.access_token as string)).status).toBe(200);
    expect((await lease(token)).status).toBe(201);
    await change(id, { identities: [] });
    expect((await lease(token)).status).toBe(401);
    await change(id, { identities: [identity] });
    expect((await lease(token)).status).toBe(201);
    expect(context.log.text()).not.toContain(token);
  });
});

describe('a policy refusal', () => {
  it('is audited once, however often it happens', async () => {
    const { id, key } = await makeClient();
    for (let count = 0; count < 3; count++) {
      expect((await lease(key, '127.0.0.1', { tenant: 'globex' })).body.code).toBe('not_allowed');
    }
    const rows = await context.replica.app.get(Database).rows({
      text: `SELECT details FROM audit_entry WHERE action = 'access.refused' AND actor_id = $1`,
      values: [id],
    });
    expect(rows).toEqual([{ details: { reason: 'not_allowed', route: 'POST /v1/leases' } }]);
  });
});

it('the API document lists the restrictions a client can have', async () => {
  const { components, paths } = (await request(second.app.getHttpServer()).get('/openapi.json')).body;
  expect(paths['/v1/clients/{id}'].patch.requestBody).toBeDefined();
  for (const schema of ['CreateClientRequest', 'UpdateClientRequest']) {
    expect(Object.keys(components.schemas[schema].properties)).toEqual(
      expect.arrayContaining(['allow', 'ip_allow_list', 'identities', 'rate_limit_per_second', 'name']),
    );
  }
  expect(components.schemas.CreateClientRequest.properties).toMatchObject({ expires_in_seconds: { minimum: 1 } });
  expect(components.schemas.IssueKeyRequest.properties).toMatchObject({ expires_at: { format: 'date-time' } });
});
