import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import request from 'supertest';
import { AuthenticationService } from '../../src/auth/authentication.service.ts';
import { Database } from '../../src/database/database.ts';
import {
  api,
  type ConnectTestContext,
  completeConnect,
  createServiceClient,
  openConnectTestContext,
} from '../support/connect-test-context.ts';
import { TEST_ADMIN_KEY } from '../support/test-replica.ts';

const WANTED = { tenant: 'acme', product: 'pages' };
let context: ConnectTestContext;
let key = '';

beforeAll(async () => {
  context = await openConnectTestContext();
  await completeConnect(context);
  ({ key } = await createServiceClient(context, { lease_modes: ['gateway'], tenants: ['acme', 'empty'] }));
});
afterAll(() => context?.close());

const batch = (requests: unknown) => api(context, key).post('/v1/leases/batch', { requests });
const audited = async (action: string): Promise<number> => {
  const text = 'SELECT count(*)::integer AS n FROM audit_entry WHERE action = $1';
  const [row] = await context.replica.app.get(Database).rows<{ n: number }>({ text, values: [action] });
  return row?.n ?? -1;
};

it('judges each request by itself, in their order', async () => {
  const { status, body } = await batch([
    { ...WANTED, ttl_seconds: 60 },
    { ...WANTED, tenant: 'other' },
    { ...WANTED, tenant: 'empty' },
    { ...WANTED, mode: 'token' },
    { ...WANTED, ttl: 60 },
    'text',
    null,
    WANTED,
  ]);
  expect(status).toBe(200);
  expect(body.results).toMatchObject([
    { lease: { mode: 'gateway', expires_in: 60 } },
    { problem: { status: 403, code: 'not_allowed', remedy: expect.any(String) } },
    { problem: { status: 404, code: 'connection_not_found' } },
    { problem: { status: 403, code: 'mode_not_allowed' } },
    { problem: { status: 400, code: 'invalid_request', errors: [{ path: 'ttl' }] } },
    { problem: { status: 400, code: 'invalid_request' } },
    { problem: { status: 400, code: 'invalid_request' } },
    { lease: { mode: 'gateway', expires_in: 900 } },
  ]);
});

it('gives a hundred leases that work, each with its audit entry', async () => {
  const before = await audited('lease.issued');
  const { body } = await batch(Array.from({ length: 100 }, () => WANTED));
  const tokens = (body.results as { lease: { access_token: string } }[]).map(({ lease }) => lease.access_token);
  expect(new Set(tokens).size).toBe(100);
  expect(await audited('lease.issued')).toBe(before + 100);
  const call = await request(context.replica.app.getHttpServer())
    .get('/graph/me')
    .set('Authorization', `Bearer ${tokens.at(-1)}`);
  expect(call.status).toBe(200);
});

it('counts each refusal by policy', async () => {
  const refused = async (): Promise<number> => {
    const { text } = await request(context.replica.app.getHttpServer()).get('/metrics');
    return Number(/^metavault_access_refused_total\{reason="not_allowed"\} (\d+)$/m.exec(text)?.[1] ?? 0);
  };
  const before = await refused();
  await batch([
    { ...WANTED, tenant: 'other' },
    { ...WANTED, tenant: 'third' },
  ]);
  expect(await refused()).toBe(before + 2);
  expect(await audited('access.refused')).toBeGreaterThan(0);
});

it.each([
  ['none', []],
  ['more than a hundred', Array.from({ length: 101 }, () => WANTED)],
  ['no list', 'text'],
])('refuses %s', async (_, requests) => {
  const { status, body } = await batch(requests);
  expect([status, body.code, body.errors[0].path]).toEqual([400, 'invalid_request', 'requests']);
});

it('looks its client up again once, however many it refuses', async () => {
  const authenticate = jest.spyOn(context.replica.app.get(AuthenticationService), 'authenticate');
  try {
    const refused = await batch(Array.from({ length: 10 }, () => ({ ...WANTED, tenant: 'other' })));
    expect(new Set(refused.body.results.map((each: { problem: { code: string } }) => each.problem.code))).toEqual(
      new Set(['not_allowed']),
    );
    // Once by the guard, and once more.
    expect(authenticate).toHaveBeenCalledTimes(2);
  } finally {
    authenticate.mockRestore();
  }
});

it('is for services', async () => {
  const response = await api(context, TEST_ADMIN_KEY).post('/v1/leases/batch', { requests: [WANTED] });
  expect([response.status, response.body.code]).toEqual([403, 'forbidden']);
});

it('lists leases without their tokens, and names what is wrong with a query', async () => {
  const issued = (await api(context, key).post('/v1/leases', WANTED)).body as {
    lease_id: string;
    access_token: string;
  };
  const { clientId, leases } = await newest();
  expect(leases[0]).toMatchObject({ lease_id: issued.lease_id, status: 'active', tenant: 'acme' });
  const { status, text } = await api(context).get(`/v1/leases?client_id=${clientId}&status=active&limit=200`);
  expect([status, text.includes(issued.lease_id), text.includes(issued.access_token)]).toEqual([200, true, false]);
  for (const query of ['status=open', 'client_id=me', 'connection_id=1', 'limit=0', 'cursor=x']) {
    const refused = await api(context, key).get(`/v1/leases?${query}`);
    expect([query, refused.status, refused.body.errors?.[0]?.path]).toEqual([query, 400, query.split('=')[0]]);
  }
});

const newest = async () => {
  const { body } = await api(context, key).get('/v1/leases?limit=1');
  const leases = (body as { data: { lease_id: string; client_id: string }[] }).data;
  return { leases, clientId: leases[0]?.client_id };
};

it('says in a refusal when to retry, as a single request does', async () => {
  const { clock, sandbox } = context;
  const day = 24 * 3600;
  clock.advance(30 * day);
  sandbox.state.faults.add({
    fault: { kind: 'graph_error', code: 2, status: 503 },
    match: { grantType: 'fb_exchange_token' },
    times: null,
  });
  try {
    const longer = { ...WANTED, min_valid_seconds: 40 * day };
    const single = await api(context, key).post('/v1/leases', longer);
    const { body } = await batch([longer, WANTED]);
    expect([single.status, single.body.retry_after]).toEqual([503, Number(single.headers['retry-after'])]);
    expect(body.results).toMatchObject([
      { problem: { code: single.body.code, retry_after: single.body.retry_after } },
      { lease: { mode: 'gateway' } },
    ]);
  } finally {
    sandbox.state.faults.clear();
  }
});
