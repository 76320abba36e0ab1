import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ConnectionResponse } from '../../src/connections/connection/connection-response.dto.ts';
import { LifecycleJob } from '../../src/lifecycle/sweeps/lifecycle.job.ts';
import { api } from '../support/connect-test-context.ts';
import { DAY, type LifecycleTestContext, openLifecycleTestContext } from '../support/lifecycle-test-context.ts';
import { until } from '../support/until.ts';

let context: LifecycleTestContext;

beforeAll(async () => {
  context = await openLifecycleTestContext();
});
afterEach(async () => {
  context.sandbox.state.faults.clear();
  await context.revokeConnections();
  context.clock.advance(120);
});
afterAll(() => context?.close());

const client = async (role: string, tenants: string[], products: string[]): Promise<ReturnType<typeof api>> => {
  const response = await api(context)
    .post('/v1/clients', { name: `a ${role}`, role, tenants, products })
    .expect(201);
  return api(context, (response.body as { api_key: string }).api_key);
};
/** The ids on all pages of a list. */
const allOf = async (path: string): Promise<string[]> => {
  const ids: string[] = [];
  for (let cursor = ''; ; ) {
    const { body } = await api(context).get(`${path}${cursor}`).expect(200);
    const page = body as { data: { id: string }[]; next_cursor: string | null };
    ids.push(...page.data.map(({ id }) => id));
    if (page.next_cursor === null) return ids;
    cursor = `&cursor=${page.next_cursor}`;
  }
};
const MISSING = 'con_01jd0000000000000000000000';

describe('GET /v1/connections', () => {
  it('lists what the policy covers, filtered, in pages without gaps or repeats', async () => {
    const ids: string[] = [];
    for (const tenant of ['list-a', 'list-a', 'list-b', 'list-a'])
      ids.push((await context.importConnection({ tenant })).id);
    const ads = await context.importConnection({ tenant: 'list-a', product: 'ads' });
    const ofA = [ids[0], ids[1], ids[3]];
    const service = await client('service', ['list-a'], ['pages']);
    const seen: string[] = [];
    let cursor = '';
    do {
      const page = (await service.get(`/v1/connections?limit=2${cursor}`).expect(200)).body as {
        data: { id: string }[];
        next_cursor: string | null;
      };
      seen.push(...page.data.map((one) => one.id));
      cursor = page.next_cursor === null ? '' : `&cursor=${page.next_cursor}`;
    } while (cursor !== '');
    expect(seen).toEqual([...ofA].sort());
    const filtered = await api(context).get('/v1/connections?tenant=list-a&product=ads&status=active').expect(200);
    expect(filtered.body).toMatchObject({ data: [{ id: ads.id }], next_cursor: null });
    await service
      .get('/v1/connections?tenant=list-b')
      .expect(403)
      .expect(/not_allowed/);
    await service
      .get('/v1/connections?product=ads')
      .expect(403)
      .expect(/not_allowed/);
    await service
      .get(`/v1/connections/${ids[2]}`)
      .expect(404)
      .expect(/connection_not_found/);
    await service.get(`/v1/connections/${ids[0]}`).expect(200);
    const auditor = await client('auditor', ['list-b'], ['*']);
    expect((await auditor.get('/v1/connections').expect(200)).body).toMatchObject({ data: [{ id: ids[2] }] });
  });

  it('filters by health, expiry, and asset', async () => {
    const ends = async (expiresIn: number): Promise<string> =>
      (await context.importConnection({ tenant: 'filtered', expiresIn, pages: 1 })).id;
    const [soon, late] = [await ends(10 * DAY), await ends(50 * DAY)];
    const invalid = { text: `UPDATE credential SET health = 'invalid' WHERE connection_id = $1 AND NOT is_root` };
    await context.database.run({ ...invalid, values: [late] });
    const found = async (query: string): Promise<string[]> => {
      const response = await api(context).get(`/v1/connections?tenant=filtered&${query}`).expect(200);
      return (response.body as { data: { id: string }[] }).data.map(({ id }) => id);
    };
    expect(await found('health=invalid')).toEqual([late]);
    const before = new Date(context.clock.now().getTime() + 20 * DAY * 1000).toISOString();
    expect(await found(`expires_before=${before}`)).toEqual([soon]);
    const page = (await context.connection(soon)).assets.find(({ type }) => type === 'page');
    expect(await found(`asset_id=${page?.id}`)).toEqual([soon]);
    expect(await found('asset_id=1')).toEqual([]);
  });

  it.each([
    'health=fine',
    'expires_before=2026-11-29',
    'asset_id=%20',
    'limit=0',
    'limit=201',
    'limit=x',
    'cursor=zzz',
    'status=dead',
    'product=mail',
    'tenant=a%20b',
    'cursor=a&cursor=b',
  ])('rejects %s with 400', async (query) => {
    await api(context)
      .get(`/v1/connections?${query}`)
      .expect(400)
      .expect(/invalid_request/);
  });

  it('embeds the first credentials and assets, the root one first, and lists all of them', async () => {
    const { id } = await context.importConnection({ tenant: 'large', pages: 1 });
    const root = await context.root(id);
    await context.database.run({
      text: `INSERT INTO credential (id, connection_id, app_id, tenant, kind, is_root, subject_id, subject_name, version, scopes, health,
          created_at, updated_at)
        SELECT 'crd_0' || lpad(n::text, 25, '0'), connection_id, app_id, tenant, 'page', false, 'S' || n, 'Shop ' || n, 1, '{}', 'healthy',
          created_at, updated_at FROM credential, generate_series(1, 150) AS n WHERE id = $1`,
      values: [root.id],
    });
    await context.database.longRunning.run({
      text: `INSERT INTO asset (connection_id, type, id, name) SELECT $1, 'page', 'p' || n, 'Café ' || n FROM generate_series(1, 150) AS n`,
      values: [id],
    });
    const one = await context.connection(id);
    expect([one.credentials.length, one.assets.length]).toEqual([100, 100]);
    expect([one.credentials_count, one.assets_count]).toEqual([152, 151]);
    expect(one.credentials[0]?.id).toBe(root.id);
    const list = await api(context).get('/v1/connections?tenant=large').expect(200);
    const [listed] = (list.body as { data: ConnectionResponse[] }).data;
    expect([listed?.credentials.length, listed?.assets.length]).toEqual([10, 10]);
    expect([listed?.credentials_count, listed?.assets_count]).toEqual([152, 151]);
    expect(listed?.credentials[0]?.id).toBe(root.id);
    expect(new Set(await allOf(`/v1/connections/${id}/credentials?limit=60`)).size).toBe(152);
    expect(new Set(await allOf(`/v1/connections/${id}/assets?limit=60`)).size).toBe(151);
    expect(await allOf(`/v1/connections/${id}/credentials?type=user`)).toEqual([root.id]);
    expect(await allOf(`/v1/connections/${id}/credentials?q=sHOP%20150`)).toEqual([`crd_0${'150'.padStart(25, '0')}`]);
    expect(await allOf(`/v1/connections/${id}/assets?q=caf%C3%A9%2015&type=page&limit=1`)).toEqual(['p15', 'p150']);
    expect(await allOf(`/v1/connections/${id}/assets?type=ad_account`)).toEqual([]);
  });

  it.each([
    'credentials?type=token',
    'credentials?cursor=cGFnZSAx',
    'assets?type=user',
    'assets?cursor=zzz',
    'assets?limit=0',
  ])('rejects %s with 400', async (path) => {
    const { id } = await context.importConnection();
    await api(context)
      .get(`/v1/connections/${id}/${path}`)
      .expect(400)
      .expect(/invalid_request/);
  });

  it('shows credentials and assets only to clients that see the connection', async () => {
    const { id } = await context.importConnection({ tenant: 'another' });
    const service = await client('service', ['list-a'], ['*']);
    for (const part of ['credentials', 'assets'])
      await service
        .get(`/v1/connections/${id}/${part}`)
        .expect(404)
        .expect(/connection_not_found/);
  });

  it('shows no token, sealed or not', async () => {
    const { id, token } = await context.importConnection({ pages: 1 });
    const response = await api(context).get(`/v1/connections/${id}`).expect(200);
    expect(response.text).not.toContain(token);
    expect(response.text).not.toMatch(/secret|ciphertext|wrapped|token_hash|EAA/);
  });
});

describe('roles', () => {
  it('are checked first, whatever the object', async () => {
    const service = await client('service', ['*'], ['*']);
    const auditor = await client('auditor', ['*'], ['*']);
    for (const who of [service, auditor]) {
      await who
        .delete(`/v1/connections/${MISSING}`)
        .expect(403)
        .expect(/forbidden/);
      await who.post(`/v1/connections/${MISSING}/refresh`, {}).expect(403);
      await who.post(`/v1/connections/${MISSING}/check`, {}).expect(403);
      await who.post('/v1/maintenance/refresh-sweep', {}).expect(403);
      await who.post('/v1/maintenance/health-sweep', {}).expect(403);
    }
    await api(context).delete(`/v1/connections/${MISSING}`).expect(404);
    await api(context).post('/v1/connections/nonsense/refresh', {}).expect(404);
  });
});

describe('POST /v1/maintenance', () => {
  it('returns what a sweep did', async () => {
    await context.importConnection({ expiresIn: DAY });
    const refresh = await api(context).post('/v1/maintenance/refresh-sweep', {}).expect(200);
    expect(refresh.body).toEqual({
      claimed: 1,
      refreshed: 1,
      failed: 0,
      skipped: 0,
      duration_seconds: expect.any(Number),
    });
    const health = await api(context).post('/v1/maintenance/health-sweep', {}).expect(200);
    expect(health.body).toEqual({
      claimed: 0,
      checked: 0,
      failed: 0,
      skipped: 0,
      duration_seconds: expect.any(Number),
    });
  });
});

describe('DELETE /v1/connections/{id}', () => {
  const secrets = async (id: string): Promise<number> =>
    (
      await context.database.rows({
        text: `SELECT 1 FROM sealed_secret s WHERE s.id IN (SELECT secret_id FROM credential WHERE connection_id = $1
          UNION SELECT secret_id FROM provider_revocation WHERE connection_id = $1)`,
        values: [id],
      })
    ).length;

  it('revokes here and at Meta, destroys every token, and repeats its result the second time', async () => {
    const { id, userId } = await context.importConnection({ pages: 2 });
    const first = await api(context).delete(`/v1/connections/${id}`).expect(200);
    expect(first.body).toMatchObject({ id, status: 'revoked', leases_revoked: 0, provider_revocation: 'confirmed' });
    expect(context.sandbox.state.user(userId).grants[context.sandbox.app.id]?.active).toBe(false);
    expect(await secrets(id)).toBe(0);
    const again = await api(context).delete(`/v1/connections/${id}`).expect(200);
    expect(again.body).toEqual(first.body);
    expect(await context.connection(id)).toMatchObject({ status: 'revoked', provider_revocation: 'confirmed' });
    await api(context)
      .post(`/v1/connections/${id}/refresh`, {})
      .expect(409)
      .expect(/connection_revoked/);
    await api(context)
      .post(`/v1/connections/${id}/check`, {})
      .expect(409)
      .expect(/connection_revoked/);
    expect(await context.audited('revocation.confirmed', id)).toHaveLength(1);
  });

  it('continues in the background until Meta confirms, keeping the one token needed for it', async () => {
    const { id, userId } = await context.importConnection({ pages: 1 });
    context.fault({ kind: 'status', status: 500 }, { pathPattern: 'permissions' }, null);
    const response = await api(context).delete(`/v1/connections/${id}`).expect(200);
    expect(response.body).toMatchObject({ provider_revocation: 'pending' });
    expect(await secrets(id)).toBe(1);
    context.sandbox.state.faults.clear();
    context.clock.advance(3600);
    await context.replica.app.get(LifecycleJob).runUrgentWork();
    expect(await context.connection(id)).toMatchObject({ provider_revocation: 'confirmed' });
    expect(context.sandbox.state.user(userId).grants[context.sandbox.app.id]?.active).toBe(false);
    expect(await secrets(id)).toBe(0);
  });

  it('leaves the grant alone while another live connection uses it, and is confirmed with the last', async () => {
    const first = await context.importConnection({ tenant: 'share-a' });
    const response = await api(context).post('/v1/connections/import', {
      tenant: 'share-b',
      product: 'pages',
      access_token: first.token,
    });
    const secondId = (response.body as { id: string }).id;
    const one = await api(context).delete(`/v1/connections/${first.id}`).expect(200);
    expect(one.body).toMatchObject({ provider_revocation: 'shared' });
    expect(await secrets(first.id)).toBe(0);
    expect((await api(context).post(`/v1/connections/${secondId}/check`, {})).body).toMatchObject({ status: 'active' });
    const other = await api(context).delete(`/v1/connections/${secondId}`).expect(200);
    expect(other.body).toMatchObject({ provider_revocation: 'confirmed' });
    expect(await context.connection(first.id)).toMatchObject({ provider_revocation: 'confirmed' });
  });

  it('becomes shared if the user reconnects before Meta is told', async () => {
    const { id, userId, token } = await context.importConnection({ tenant: 'back' });
    context.fault({ kind: 'drop_before' }, { pathPattern: 'permissions' }, null);
    await api(context).delete(`/v1/connections/${id}`).expect(200);
    await api(context)
      .post('/v1/connections/import', { tenant: 'back', product: 'pages', access_token: token })
      .expect(201);
    context.sandbox.state.faults.clear();
    context.clock.advance(3600);
    await context.replica.app.get(LifecycleJob).runUrgentWork();
    expect(await context.connection(id)).toMatchObject({ provider_revocation: 'shared' });
    expect(context.sandbox.state.user(userId).grants[context.sandbox.app.id]?.active).toBe(true);
    expect(await secrets(id)).toBe(0);
  });

  it('is not undone by a refresh in progress', async () => {
    const { id } = await context.importConnection({ expiresIn: DAY });
    const delay = context.fault({ kind: 'delay', delayMs: 400 }, { grantType: 'fb_exchange_token' });
    const refresh = api(context)
      .post(`/v1/connections/${id}/refresh`, {})
      .then((response) => response);
    await until(() => delay.struck > 0);
    await api(context).delete(`/v1/connections/${id}`).expect(200);
    expect((await refresh).body).toMatchObject({ status: 'revoked' });
    const { status, credentials } = await context.connection(id);
    expect(status).toBe('revoked');
    expect(credentials[0]?.version).toBe(1);
    expect(await secrets(id)).toBe(0);
  });
});

describe('GET /metrics', () => {
  it('shows the state of the credentials, and the outcomes of refreshes', async () => {
    const { id } = await context.importConnection({ tenant: 'metrics' });
    await api(context).post(`/v1/connections/${id}/refresh`, {}).expect(200);
    await api(context).post(`/v1/connections/${id}/check`, {}).expect(200);
    // A scrape does not wait for a slow database.
    const { text } = await until(
      () => api(context).get('/metrics').expect(200),
      (scraped) => scraped.text.includes('metavault_credentials{'),
    );
    for (const name of [
      'metavault_credentials{kind="user",health="healthy"}',
      'metavault_next_expiry_seconds',
      'metavault_sweep_lag_seconds{sweep="refresh"}',
      'metavault_renewals_total{kind="user",outcome="refreshed"}',
      'metavault_health_checks_total{outcome="alive"}',
    ]) {
      expect(text).toContain(name);
    }
  });
});

describe('revoking at Meta', () => {
  it.each([
    ['system_user', 'confirmed'],
    ['instagram_user', 'not_supported'],
  ] as const)('revokes the token of a %s as Meta allows: %s', async (kind, outcome) => {
    const { id } = await context.importConnection({ kind });
    expect((await api(context).delete(`/v1/connections/${id}`)).body).toMatchObject({ provider_revocation: outcome });
    const left = await context.database.rows({
      text: 'SELECT 1 FROM provider_revocation WHERE connection_id = $1 AND secret_id IS NOT NULL',
      values: [id],
    });
    expect(left).toEqual([]);
  });
});
