import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { seedIds } from '../../src/sandbox/state/default-seed.ts';
import {
  api,
  browseToCallback,
  completeConnect,
  connectionAt,
  createServiceClient,
  createSession,
  TestBrowser,
} from '../support/connect-test-context.ts';
import { type GatewayTestContext, openGatewayTestContext } from '../support/gateway-test-context.ts';
import { SECRET, type SeveralApps, severalApps } from '../support/several-apps.ts';

/** On two replicas, with a Meta that knows them all. */
describe('several Meta apps', () => {
  let context: GatewayTestContext;
  let apps: SeveralApps;
  const meta = () => context.sandbox.state;
  const second = () => ({ replica: context.second });
  beforeAll(async () => {
    context = await openGatewayTestContext();
    apps = severalApps(context);
  });
  afterAll(() => context.close());

  describe('as data', () => {
    it('are added once Meta accepts id and secret, listed, changed and deleted, with an entry for each', async () => {
      const { id, body } = apps.newApp();
      const rejected = await api(context)
        .post('/v1/apps', { ...body, app_secret: 'c'.repeat(32) })
        .expect(409);
      expect(rejected.body).toMatchObject({
        code: 'app_rejected',
        detail: `Meta does not accept app ${id} with this secret: “Error validating client secret.”`,
        meta: { code: expect.any(Number) },
      });
      expect(rejected.text).not.toContain('cccc');
      await api(context).get(`/v1/apps/${id}`).expect(404);

      const created = await api(context).post('/v1/apps', body).expect(201);
      expect(created.headers['location']).toBe(`/v1/apps/${id}`);
      expect(created.body).toMatchObject({
        app_id: id,
        source: 'api',
        tenants: [`tenant-${id}`],
        instagram: null,
        threads: null,
        login_config_ids: {},
        graph_api_version: 'v26.0',
        webhooks: { callback_url: `${context.url}/webhooks/meta/${id}`, verify_token: expect.any(String) },
        connections: 0,
      });
      expect(created.text).not.toContain(SECRET);
      expect((await api(context).post('/v1/apps', body).expect(409)).body.code).toBe('app_exists');
      const own = { ...body, app_id: context.sandbox.app.id };
      expect((await api(context).post('/v1/apps', own).expect(409)).body.code).toBe('app_exists');

      const listed = (await api(context).get('/v1/apps?limit=200').expect(200)).body.data as Record<string, unknown>[];
      expect(listed[0]).toMatchObject({ app_id: context.sandbox.app.id, source: 'environment' });
      expect(listed.find((app) => app['app_id'] === id)).toMatchObject({ name: `App ${id}` });
      expect(JSON.stringify(listed)).not.toContain('verify_token');

      const changed = await api(second())
        .patch(`/v1/apps/${id}`, { name: 'Brand', tenants: ['x', 'y'] })
        .expect(200);
      expect(changed.body).toMatchObject({ name: 'Brand', tenants: ['x', 'y'] });
      const shown = (await api(context).get(`/v1/apps/${id}`).expect(200)).body;
      expect(shown).toMatchObject({ name: 'Brand', meta: { credentials: 'accepted', subscriptions: [] } });
      expect(shown.meta.missing_settings).toContainEqual({ product: 'threads', fields: ['threads'] });

      await api(context).delete(`/v1/apps/${id}`).expect(204);
      await api(context).delete(`/v1/apps/${id}`).expect(204);
      await api(second()).get(`/v1/apps/${id}`).expect(404);
      const actions = await context.database.rows<{ action: string; details: object }>({
        text: 'SELECT action, details FROM audit_entry WHERE subject_id = $1 ORDER BY action',
        values: [id],
      });
      expect(actions.map(({ action }) => action)).toEqual(['app.changed', 'app.created', 'app.deleted']);
      expect(JSON.stringify(actions)).not.toContain(SECRET);
    });

    it('leave the one of the environment as it is', async () => {
      const path = `/v1/apps/${context.sandbox.app.id}`;
      expect((await api(context).patch(path, { name: 'x' }).expect(409)).body.code).toBe('app_in_environment');
      expect((await api(context).delete(path).expect(409)).body.code).toBe('app_in_environment');
      const rotated = await api(context).post(`${path}/secret`, { app_secret: SECRET }).expect(409);
      expect(rotated.body.code).toBe('app_in_environment');
      expect((await api(context).get(path).expect(200)).body).toMatchObject({ source: 'environment', tenants: ['*'] });
    });

    it('are for admins, and ids of Meta', async () => {
      const { id, body } = apps.newApp();
      const service = await createServiceClient(context);
      await api(context, service.key).post('/v1/apps', body).expect(403);
      await api(context, service.key).get('/v1/apps').expect(403);
      for (const wrong of [
        { app_id: 'x1' },
        { app_secret: 'short' },
        { tenants: [] },
        { tenants: ['*', 'a'] },
        { name: '' },
      ])
        await api(context)
          .post('/v1/apps', { ...body, ...wrong })
          .expect(400);
      await api(context).get(`/v1/apps/${id}`).expect(404);
      await api(context).get('/v1/apps/nothing').expect(404);
    });

    it('whose row is forged count as absent', async () => {
      const app = await apps.addApp();
      await context.database.run({
        text: "UPDATE meta_app SET tenants = '{evil}' WHERE app_id = $1",
        values: [app.id],
      });
      await api(context).get(`/v1/apps/${app.id}`).expect(404);
      await request(context.url).post(`/webhooks/meta/${app.id}`).send({}).expect(404);
      expect((await createSession(context, { tenant: 'evil' })).js_sdk).toMatchObject({
        app_id: context.sandbox.app.id,
      });
      await context.database.run({ text: 'DELETE FROM meta_app WHERE app_id = $1', values: [app.id] });
    });
  });

  describe('for tenants', () => {
    it('are chosen by app_id, tenant, then the one of all', async () => {
      const own = await apps.addApp();
      const dialogOf = async (body: Record<string, unknown>) => {
        const session = await createSession(context, body);
        return (await new TestBrowser(context).open(session.connect_url)).searchParams.get('client_id');
      };
      expect(await dialogOf({ tenant: own.tenant })).toBe(own.id);
      expect(await dialogOf({ tenant: 'acme' })).toBe(context.sandbox.app.id);
      expect(await dialogOf({ tenant: own.tenant, app_id: context.sandbox.app.id })).toBe(context.sandbox.app.id);
      const session = { tenant: 'other', product: 'pages', flow: 'facebook_login', app_id: own.id };
      expect((await api(context).post('/v1/connect-sessions', session).expect(403)).body.code).toBe('not_allowed');
      const unknown = { ...session, app_id: '1' };
      expect((await api(context).post('/v1/connect-sessions', unknown).expect(404)).body.code).toBe('app_not_found');

      const all = await apps.addApp(['*']);
      expect(await dialogOf({ tenant: 'acme' })).toBe(all.id);
      expect(await dialogOf({ tenant: own.tenant })).toBe(own.id);
      const rival = await apps.addApp([own.tenant]);
      const { app_id: _, ...ofTenant } = { ...session, tenant: own.tenant };
      const ambiguous = await api(context).post('/v1/connect-sessions', ofTenant).expect(409);
      expect(ambiguous.body).toMatchObject({ code: 'ambiguous_app', detail: expect.stringContaining(rival.id) });
      for (const { id } of [all, rival]) await api(context).delete(`/v1/apps/${id}`).expect(204);
      expect(await dialogOf({ tenant: 'acme' })).toBe(context.sandbox.app.id);
    });

    it('tell front ends of themselves', async () => {
      const { id } = await apps.addApp();
      const config = await request(context.url).get(`/meta/config?app_id=${id}`).expect(200);
      expect(config.body).toMatchObject({ app_id: id, products: { threads: { login_configured: false } } });
      await request(context.url).get('/meta/config?app_id=1').expect(404);
      expect((await request(context.url).get('/meta/config').expect(200)).body.app_id).toBe(context.sandbox.app.id);
      await api(context).patch(`/v1/apps/${id}`, { login_config_ids: { whatsapp: seedIds.signupConfiguration } });
      const session = { tenant: `tenant-${id}`, product: 'whatsapp', flow: 'embedded_signup' };
      expect((await createSession(context, session)).js_sdk).toMatchObject({
        app_id: id,
        config_id: seedIds.signupConfiguration,
      });
    });
  });

  describe('by connection', () => {
    it('connect, lease, call and refresh with their own id, secret and proof, and name themselves', async () => {
      const app = await apps.addApp();
      const end = await completeConnect(context, { tenant: app.tenant });
      const connection = await connectionAt(context, end);
      expect(connection).toMatchObject({ app_id: app.id, status: 'active' });
      expect((await api(context).get(`/v1/apps/${app.id}`).expect(200)).body.connections).toBe(1);
      expect((await api(context).delete(`/v1/apps/${app.id}`).expect(409)).body.code).toBe('app_in_use');

      const { key } = await createServiceClient(context, { lease_modes: ['gateway', 'token'] });
      const wanted = { tenant: app.tenant, product: 'pages' };
      const lease = (await api(context, key).post('/v1/leases', wanted).expect(201)).body;
      expect(lease.app_id).toBe(app.id);
      for (const url of [context.url, context.secondUrl])
        await request(url).get('/graph/v26.0/me').set('Authorization', `Bearer ${lease.access_token}`).expect(200);
      const token = (
        await api(context, key)
          .post('/v1/leases', { ...wanted, mode: 'token' })
          .expect(201)
      ).body;
      const own = new URL(`${token.graph_base_url}/v26.0/me`);
      own.searchParams.set('appsecret_proof', token.appsecret_proof);
      const direct = await fetch(own, { headers: { authorization: `Bearer ${token.access_token}` } });
      expect(direct.status).toBe(200);

      await api(context).post(`/v1/connections/${connection.id}/refresh`, {}).expect(200);
      const [created] = await context.database.rows<{ app_id: string }>({
        text: "SELECT app_id FROM event WHERE type = 'connection.created' AND connection_id = $1",
        values: [connection.id],
      });
      expect(created?.app_id).toBe(app.id);
    });

    it('make connections of their own for the same user and tenant', async () => {
      const app = await apps.addApp();
      const shared = await connectionAt(
        context,
        await completeConnect(context, { tenant: app.tenant, app_id: context.sandbox.app.id }),
      );
      const own = await connectionAt(context, await completeConnect(context, { tenant: app.tenant }));
      expect(own.id).not.toBe(shared.id);
      expect([shared.app_id, own.app_id]).toEqual([context.sandbox.app.id, app.id]);
      // The grant is per app: ending one leaves the other.
      await api(context).delete(`/v1/connections/${shared.id}`).expect(200);
      expect((await connectionAt(context, new URL(`http://x/?connection_id=${own.id}`))).status).toBe('active');
    });

    it('refuse a token of another app', async () => {
      const [one, other] = [await apps.addApp(), await apps.addApp()];
      const user = meta().make.user({ kind: 'user' });
      const { accessToken } = meta().make.token({ userId: user.id, appId: one.id });
      const body = { tenant: other.tenant, product: 'pages', access_token: accessToken };
      expect((await api(context).post('/v1/connections/import', body).expect(422)).body.code).toBe('token_rejected');
    });
  });

  it('sends a login that began before its app was deleted back in words', async () => {
    const app = await apps.addApp();
    const { browser, callback } = await browseToCallback(context, { tenant: app.tenant });
    await api(context).delete(`/v1/apps/${app.id}`).expect(204);
    const response = await browser.get(callback);
    expect(response.status).toBeLessThan(500);
  });
});
