import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import {
  api,
  type ConnectTestContext,
  completeConnect,
  connectionAt,
  createServiceClient,
  openConnectTestContext,
} from '../support/connect-test-context.ts';
import { runMetavault } from '../support/run-metavault.ts';
import { TEST_ADMIN_KEY, type TestReplica } from '../support/test-replica.ts';

const TENANT = 'shop-of-jane-doe';
const HASH = /^[0-9a-f]{16}$/;
const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';

type Line = Record<string, unknown>;
type Context = Pick<ConnectTestContext, 'replica'>;

let context: ConnectTestContext;
let connectionId: string;
let key: string;
let lease: string;
/** What was logged while the tenant connected and got its lease. */
let beginning: string;

beforeAll(async () => {
  context = await openConnectTestContext();
  connectionId = (await connectionAt(context, await completeConnect(context, { tenant: TENANT }))).id;
  key = (await createServiceClient(context, { tenants: [TENANT], lease_modes: ['gateway'] })).key;
  lease = (await api(context, key).post('/v1/leases', { tenant: TENANT, product: 'pages' })).body.access_token;
  beginning = context.log.text();
});
afterAll(() => context.close());

/** The lines of the requests that `work` sends. */
async function linesOf(work: () => Promise<unknown>): Promise<Line[]> {
  const before = context.log.lines.length;
  await work();
  return context.log.lines.slice(before).filter(({ msg }) => msg === 'request');
}

async function lineOf(work: () => Promise<unknown>): Promise<Line> {
  const [line, ...others] = await linesOf(work);
  expect(others).toEqual([]);
  return line ?? {};
}

const called = (on: Context): Promise<unknown> =>
  request(on.replica.app.getHttpServer())
    .get('/graph/me')
    .set('Authorization', `Bearer ${lease}`)
    .set('traceparent', `00-${TRACE_ID}-00f067aa0ba902b7-01`);
const leased = (on: Context): Promise<unknown> => api(on, key).post('/v1/leases', { tenant: TENANT, product: 'pages' });
const read = (on: Context): Promise<unknown> => api(on, TEST_ADMIN_KEY).get(`/v1/connections/${connectionId}`);
const listed = (on: Context): Promise<unknown> => api(on, TEST_ADMIN_KEY).get(`/v1/connections?tenant=${TENANT}`);

const WAYS: [string, (on: Context) => Promise<unknown>][] = [
  ['a lease, whose body names it', leased],
  ['a Graph call, whose lease is for it', called],
  ['a connection, which belongs to it', read],
  ['a list of its connections', listed],
];

describe('by default, a log line has a hash of the tenant', () => {
  it.each(WAYS)('for %s', async (_, work) => {
    const line = await lineOf(() => work(context));
    expect(line['tenant_hash']).toMatch(HASH);
    expect(line['tenant']).toBeUndefined();
  });

  it('beside the trace and the client', async () => {
    expect(await lineOf(() => called(context))).toMatchObject({
      trace_id: TRACE_ID,
      client_id: expect.stringMatching(/^cli_/),
      tenant_hash: expect.stringMatching(HASH),
    });
  });

  it('the same on every replica, and the one that metavault tenant-hash finds', async () => {
    const environment = { ...context.sandbox.environment(), DATABASE_URL: context.replica.databaseUrl };
    const { out } = await runMetavault(environment, 'tenant-hash', TENANT);
    expect(out).toMatch(HASH);
    const another = { replica: await context.startAnotherReplica() };
    const lines = await linesOf(async () => {
      for (const [, work] of WAYS) for (const on of [context, another]) await work(on);
    });
    expect(lines.map((line) => line['tenant_hash'])).toEqual(lines.map(() => out));
    const { out: other } = await runMetavault(environment, 'tenant-hash', `${TENANT}2`);
    expect(other).not.toBe(out);
  });

  it('and no line has the tenant, whatever it is about', async () => {
    const before = context.log.text().length;
    for (const [, work] of WAYS) await work(context);
    const text = beginning + context.log.text().slice(before);
    expect(text).toContain('"route":"/v1/leases"');
    expect(text).not.toContain(TENANT);
  });

  it('none for callers who are not known, and for lists of everything', async () => {
    const refused = await lineOf(() => api(context, 'mtv_nobody').post('/v1/leases', { tenant: TENANT }));
    const all = await lineOf(() => api(context, TEST_ADMIN_KEY).get('/v1/connections'));
    for (const line of [refused, all])
      expect([line['tenant_hash'], line['tenant'], line['route']]).toEqual([undefined, undefined, expect.any(String)]);
  });
});

describe('LOG_TENANTS', () => {
  const fieldsOf = async (replica: TestReplica): Promise<unknown[]> => {
    const lines = await linesOf(async () => {
      for (const [, work] of WAYS) await work({ replica });
    });
    return lines.map(({ tenant, tenant_hash }) => ({ tenant, tenant_hash }));
  };

  it('plain names the tenant', async () => {
    const fields = await fieldsOf(await context.startAnotherReplica({ LOG_TENANTS: 'plain' }));
    expect(fields).toEqual(WAYS.map(() => ({ tenant: TENANT })));
  });

  it('off names none', async () => {
    const fields = await fieldsOf(await context.startAnotherReplica({ LOG_TENANTS: 'off' }));
    expect(fields).toEqual(WAYS.map(() => ({})));
  });
});
