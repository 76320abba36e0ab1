import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import request from 'supertest';
import { Database } from '../../src/database/database.ts';
import { createLeaseToken } from '../../src/leases/lease-token.ts';
import { Ids } from '../../src/platform/ids.ts';
import { Random } from '../../src/platform/random.ts';
import { api, createServiceClient } from '../support/connect-test-context.ts';
import { type GatewayTestContext, type Lease, openGatewayTestContext } from '../support/gateway-test-context.ts';
import type { TestReplica } from '../support/test-replica.ts';
import { until } from '../support/until.ts';

let context: GatewayTestContext;
let database: Database;

beforeAll(async () => {
  context = await openGatewayTestContext({ TRUSTED_PROXIES: '127.0.0.1,::1' });
  database = context.replica.app.get(Database);
  await context.metaUser('pages', 'user');
});
afterAll(() => context?.close());

/** Does what someone with write access to the database can do. */
const attack = (text: string, ...values: unknown[]): Promise<number> => database.run({ text, values });
let callers = 0;
/** From a new address each time, because one address gets only ten refusals a minute. */
const statusesOf = async (key: string, path: string): Promise<number[]> =>
  Promise.all(
    [context.url, context.secondUrl].map(
      async (url) =>
        (
          await request(url)
            .get(path)
            .set('authorization', `Bearer ${key}`)
            .set('x-forwarded-for', `10.${++callers % 250}.0.1`)
        ).status,
    ),
  );
const callStatuses = ({ access_token: token }: Pick<Lease, 'access_token'>): Promise<number[]> =>
  statusesOf(token, '/graph/me');

/** A client of one tenant, and one of its leases. */
async function newClient(): Promise<{ id: string; key: string }> {
  return createServiceClient(context, { tenants: ['acme'], products: ['pages'] });
}
async function leaseOf(key: string): Promise<Lease> {
  const response = await api(context, key).post('/v1/leases', { tenant: 'acme', product: 'pages' });
  expect(response.status).toBe(201);
  return response.body as Lease;
}

const failures = async (table: string): Promise<number> => {
  const metric = await context.replica.app.get(Registry).getSingleMetric('metavault_integrity_failures_total')?.get();
  return metric?.values.find(({ labels }) => labels['table'] === table)?.value ?? 0;
};
const refusedRows = async (rowId: string): Promise<unknown[]> =>
  database.rows({
    text: `SELECT details FROM audit_entry WHERE action = 'integrity.row_refused' AND subject_id = $1`,
    values: [rowId],
  });

describe('a client tampered with in the database', () => {
  it.each([
    [
      'became an admin of everything',
      `UPDATE client SET role = 'admin', tenants = '{*}', products = '{*}' WHERE id = $1`,
    ],
    ['got another tenant', `UPDATE client SET tenants = '{acme,other}' WHERE id = $1`],
    ['may issue Meta tokens', `UPDATE client SET lease_modes = '{gateway,token}' WHERE id = $1`],
    ['may call from anywhere', `UPDATE client SET ip_allow_list = '{0.0.0.0/0}' WHERE id = $1`],
    ['may call everything', `UPDATE client SET allow = '["ANY /**"]' WHERE id = $1`],
    ['has no MAC', 'UPDATE client SET mac = NULL WHERE id = $1'],
    [
      'has the MAC of another',
      `UPDATE client SET mac = (SELECT mac FROM client WHERE id LIKE 'cli_00000000000000000000000000') WHERE id = $1`,
    ],
  ])('counts as absent, with its leases: it %s', async (_, statement) => {
    const { id, key } = await newClient();
    const lease = await leaseOf(key);
    expect(await callStatuses(lease)).toEqual([200, 200]);
    const before = await failures('client');
    expect(await attack(statement, id)).toBe(1);
    expect(await statusesOf(key, '/v1/connections')).toEqual([401, 401]);
    expect(await statusesOf(key, '/v1/clients')).toEqual([401, 401]);
    expect(await callStatuses(lease)).toEqual([401, 401]);
    expect((await api(context).post('/v1/leases/introspect', { token: lease.access_token })).body).toEqual({
      active: false,
    });
    expect((await api(context).get(`/v1/clients/${id}`)).status).toBe(404);
    expect((await api(context).patch(`/v1/clients/${id}`, { name: 'mine' })).status).toBe(404);
    expect((await api(context).post(`/v1/clients/${id}/keys`, {})).status).toBe(404);
    expect(await failures('client')).toBeGreaterThan(before);
    await until(async () => (await refusedRows(id)).length > 0);
    expect(await refusedRows(id)).toContainEqual({ details: { table: 'client' } });
    // An operator can still delete it.
    expect((await api(context).delete(`/v1/clients/${id}`)).status).toBe(204);
  });

  it("is not restored by an admin's change, nor by being undeleted", async () => {
    const { id, key } = await newClient();
    expect((await api(context).delete(`/v1/clients/${id}`)).status).toBe(204);
    await attack('UPDATE client SET deleted_at = NULL WHERE id = $1', id);
    const hash = Buffer.from('00'.repeat(32), 'hex');
    await attack('INSERT INTO client_key (hash, client_id, created_at) VALUES ($1, $2, now())', hash, id);
    expect(await statusesOf(key, '/v1/connections')).toEqual([401, 401]);
    expect((await api(context).get(`/v1/clients/${id}`)).status).toBe(404);
  });
});

describe('a key forged in the database', () => {
  it.each([
    ['with a later expiry', `UPDATE client_key SET expires_at = now() + interval '9 years' WHERE client_id = $1`],
    ['without a MAC', 'UPDATE client_key SET mac = NULL WHERE client_id = $1'],
  ])('gives no access: %s', async (_, statement) => {
    const { id, key } = await newClient();
    expect(await attack(statement, id)).toBe(1);
    expect(await statusesOf(key, '/v1/connections')).toEqual([401, 401]);
  });

  it('gives no access as another client', async () => {
    const { id, key } = await newClient();
    await attack(`UPDATE client_key SET client_id = 'cli_00000000000000000000000000' WHERE client_id = $1`, id);
    expect(await statusesOf(key, '/v1/clients')).toEqual([401, 401]);
  });
});

describe('a lease tampered with in the database', () => {
  it.each([
    ['expires a year later', `UPDATE lease SET expires_at = expires_at + interval '1 year' WHERE id = $1`],
    ['has another tenant', `UPDATE lease SET tenant = 'other' WHERE id = $1`],
    ['has another product', `UPDATE lease SET product = 'ads' WHERE id = $1`],
    ['belongs to another client', `UPDATE lease SET client_id = 'cli_00000000000000000000000000' WHERE id = $1`],
    ['has another mode', `UPDATE lease SET mode = 'token' WHERE id = $1`],
    ['has lost its ancestors', `UPDATE lease SET ancestor_ids = ARRAY[id] WHERE id = $1`],
    ['has no MAC', 'UPDATE lease SET mac = NULL WHERE id = $1'],
  ])('gives no access on any replica: it %s', async (_, statement) => {
    const lease = await leaseOf(context.serviceKey);
    expect(await callStatuses(lease)).toEqual([200, 200]);
    expect(await attack(statement, lease.lease_id)).toBe(1);
    expect(await callStatuses(lease)).toEqual([401, 401]);
    expect((await api(context).post('/v1/leases/introspect', { token: lease.access_token })).body).toEqual({
      active: false,
    });
    expect((await api(context).get(`/v1/leases/${lease.lease_id}`)).status).toBe(404);
    expect((await api(context).delete(`/v1/leases/${lease.lease_id}`)).status).toBe(404);
  });

  it("gives no access with the forger's secret", async () => {
    const [mine, theirs] = [await leaseOf(context.serviceKey), await leaseOf(context.serviceKey)];
    await attack(
      'UPDATE lease SET secret_hash = (SELECT secret_hash FROM lease WHERE id = $2) WHERE id = $1',
      theirs.lease_id,
      mine.lease_id,
    );
    const forged = `${theirs.access_token.slice(0, 30)}${mine.access_token.slice(30)}`;
    expect(await callStatuses({ access_token: forged })).toEqual([401, 401]);
    expect(await callStatuses(theirs)).toEqual([401, 401]);
    expect(await callStatuses(mine)).toEqual([200, 200]);
  });

  it('gives no access if it was made up completely', async () => {
    const { lease_id: id } = await leaseOf(context.serviceKey);
    const { app } = context.replica as TestReplica;
    const forgedId = app.get(Ids).next('lse');
    const { token } = createLeaseToken(forgedId, app.get(Random));
    await attack(
      `INSERT INTO lease SELECT (jsonb_populate_record(l, jsonb_build_object('id', $2::text))).* FROM lease l WHERE id = $1`,
      id,
      forgedId,
    );
    expect(await callStatuses({ access_token: token })).toEqual([401, 401]);
    expect((await api(context).get(`/v1/leases/${forgedId}`)).status).toBe(404);
  });
});
