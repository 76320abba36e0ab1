import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ConnectionFilter, connectionPage } from '../../../src/connections/connection/connection-page.query.ts';
import { api } from '../../support/connect-test-context.ts';
import { copyRows } from '../../support/copy-rows.ts';
import { type LifecycleTestContext, openLifecycleTestContext } from '../../support/lifecycle-test-context.ts';

let context: LifecycleTestContext;
const ids: Record<string, string> = {};

beforeAll(async () => {
  context = await openLifecycleTestContext();
  const shop = await context.importConnection({ tenant: 'Acme-Shop', pages: 2 });
  const other = await context.importConnection({ tenant: 'globex' });
  Object.assign(ids, { shop: shop.id, other: other.id, user: shop.userId, page: shop.pageIds[0] });
  await api(context).patch(`/v1/connections/${other.id}`, { reference: 'Order 7%' }).expect(200);
  await context.database.run({
    text: `UPDATE asset SET name = CASE WHEN id = $1 THEN 'Blue_Bakery' ELSE 'blue bakery two' END WHERE connection_id = $2`,
    values: [ids['page'], ids['shop']],
  });
});
afterAll(() => context?.close());

async function search(query: string): Promise<string[]> {
  const response = await api(context).get(`/v1/connections?${query}`).expect(200);
  return (response.body as { data: { id: string }[] }).data.map(({ id }) => id);
}

describe('searching connections', () => {
  it('finds by id, reference, user, and asset exactly, and by how a tenant or a name begins', async () => {
    const { shop, other, user, page } = ids;
    const q = (text: string) => search(`q=${encodeURIComponent(text)}`);
    expect(await q(shop ?? '')).toEqual([shop]);
    expect(await q((shop ?? '').toUpperCase())).toEqual([shop]);
    expect(await q('Order 7%')).toEqual([other]);
    expect(await q(user ?? '')).toEqual([shop]);
    expect(await q(page ?? '')).toEqual([shop]);
    expect(await q('acme')).toEqual([shop]);
    expect(await q('GLOB')).toEqual([other]);
    expect(await q(' blue_b ')).toEqual([shop]);
    expect(await q('BLUE')).toEqual([shop]);
    for (const nothing of ['order', 'lue', 'cme', '%', '_', 'blue_bakery_']) expect(await q(nothing)).toEqual([]);
  });

  it('combines with filters, and shows one page after the other', async () => {
    expect(await search('q=blue&tenant=globex')).toEqual([]);
    expect(await search('q=blue&status=active')).toEqual([ids['shop']]);
    for (let index = 0; index < 3; index++) await context.importConnection({ tenant: `page-${index}` });
    const first = await api(context).get('/v1/connections?q=page-&limit=2').expect(200);
    const { data, next_cursor: cursor } = first.body as { data: { tenant: string }[]; next_cursor: string };
    const second = await api(context).get(`/v1/connections?q=page-&limit=2&cursor=${cursor}`).expect(200);
    const rest = second.body as { data: { tenant: string }[]; next_cursor: null };
    expect([...data, ...rest.data].map(({ tenant }) => tenant)).toEqual(['page-0', 'page-1', 'page-2']);
    expect(rest.next_cursor).toBeNull();
  });

  it('finds by the user and by the reason alone', async () => {
    expect(await search(`meta_user_id=${ids['user']}`)).toEqual([ids['shop']]);
    expect(await search('reason=expired')).toEqual([]);
    await context.database.run({
      text: `UPDATE connection SET status = 'reauth_required', status_reason = '{"code":"expired","detail":"It has expired.","remedy":"Log in.","since_at":"2026-11-22T12:00:00.000Z"}' WHERE id = $1`,
      values: [ids['other']],
    });
    expect(await search('reason=expired')).toEqual([ids['other']]);
  });

  it('shows nothing of other tenants', async () => {
    const body = { name: 'auditor', role: 'auditor', tenants: ['globex'], products: ['*'] };
    const made = await api(context).post('/v1/clients', body).expect(201);
    const { api_key: key } = made.body as { api_key: string };
    for (const text of ['acme', 'blue', ids['shop'], ids['user'], ids['page']]) {
      const response = await api(context, key).get(`/v1/connections?q=${text}`).expect(200);
      expect(response.body).toEqual({ data: [], next_cursor: null });
    }
  });

  it.each(['', ' ', 'a%00b', 'a'.repeat(201)])('refuses %j', async (text) => {
    await api(context).get(`/v1/connections?q=${text}`).expect(400);
  });
});

describe('among 20,000 connections', () => {
  /** The plan of a page, as one text. */
  async function planOf(filter: Partial<ConnectionFilter>): Promise<string> {
    const all = { visibleTenants: null, visibleProducts: null, limit: 50, after: null };
    const { text, values = [] } = connectionPage(context.database.dataSource.manager, { ...all, ...filter });
    const rows = await context.database.rows<Record<string, string>>({
      text: `EXPLAIN (ANALYZE, COSTS OFF) ${text}`,
      values,
    });
    return rows.map((row) => row['QUERY PLAN'] ?? '').join('\n');
  }

  beforeAll(async () => {
    const copy = (table: string, where: string, id: string | undefined, set: Record<string, string>) =>
      copyRows(context.database.longRunning, { table, each: 'generate_series(1, 20000) n', where, set, values: [id] });
    const connectionId = `'con_' || lpad(n::text, 26, '0')`;
    await copy('connection', 'o.id = $1', ids['shop'], {
      id: connectionId,
      tenant: `'tenant-' || n % 5000`,
      meta_user_id: `'user' || n`,
      reference: `'ref' || n`,
      data_access_expires_at: `'2099-01-01'::timestamptz`,
      product: `CASE WHEN n > 19990 THEN 'threads' ELSE 'pages' END`,
      status: `CASE WHEN n > 19980 THEN 'reauth_required' ELSE 'active' END`,
      status_reason: `CASE WHEN n > 19980 THEN '{"code":"checkpoint"}'::jsonb END`,
    });
    await copy('asset', 'o.id = $1', ids['page'], {
      name: `'Name ' || n`,
      id: `'asset' || n`,
      connection_id: connectionId,
      credential_id: 'NULL',
    });
    await copy('credential', 'o.connection_id = $1 AND o.is_root', ids['shop'], {
      id: `'crd_' || lpad(n::text, 26, '0')`,
      connection_id: connectionId,
      expires_at: `'2099-01-01'::timestamptz`,
      token_hash: 'NULL',
    });
    await context.database.longRunning.run({ text: 'ANALYZE connection, credential, asset', values: [] });
  });

  it.each<[string, Partial<ConnectionFilter>, RegExp]>([
    ['a search', { text: 'tenant-4242' }, /connection_tenant_search/],
    ['a search for a name', { text: 'name 4242' }, /asset_name_search/],
    ['a user', { metaUserId: 'user77' }, /connection_meta_user_id/],
    ['a reason', { reason: 'checkpoint' }, /connection_reason|connection_status/],
    ['a rare status', { status: 'reauth_required' }, /connection_status|connection_reason/],
    ['a rare product', { product: 'threads' }, /connection_product/],
    ['what has a token that ends early', { expiresBefore: new Date('2026-01-01') }, /credential_expiry/],
    ['what loses access early', { expiresBefore: new Date('2026-01-01') }, /connection_data_access_expiry/],
  ])('%s reads by index', async (_, filter, index) => {
    const plan = await planOf(filter);
    expect(plan).toMatch(index);
    expect(plan).not.toMatch(/Seq Scan/);
  });

  it('what nearly all are is read in the order of pages', async () => {
    const plan = await planOf({ expiresBefore: new Date('2100-01-01') });
    expect(plan).toMatch(/connection_pkey on connection c_\d+ \(.* rows=51\./);
  });

  it('a search that everything matches reads a page of each kind', async () => {
    const after = `con_${'0'.repeat(21)}15000`;
    expect(await planOf({ text: 'tenant-', after })).toMatch(/connection_pkey on connection c_\d+ \(.* rows=51\./);
    expect(await planOf({ text: 'name', after })).toMatch(/asset_pkey on asset a_\d+ \(.* rows=51\./);
  });
});
