import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { PreviousSecretJob } from '../../src/apps/previous-secret.job.ts';
import { hubSignature, signedRequest } from '../../src/sandbox/state/callback-sender.ts';
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

const SECRET = 'b'.repeat(32);

/** Several Meta apps on two replicas, with a Meta that knows them all. */
describe('several Meta apps', () => {
  let context: GatewayTestContext;
  let count = 0;
  const meta = () => context.sandbox.state;
  const second = () => ({ replica: context.second });
  beforeAll(async () => {
    context = await openGatewayTestContext();
  });
  afterAll(() => context.close());

  /** Makes an app at Meta, for tenants of its own. */
  function newApp(tenants?: string[]): { id: string; tenant: string; body: Record<string, unknown> } {
    const id = String(700_000_000_000 + ++count);
    meta().make.app({ id, secret: SECRET });
    const tenant = `tenant-${id}`;
    return { id, tenant, body: { app_id: id, app_secret: SECRET, name: `App ${id}`, tenants: tenants ?? [tenant] } };
  }

  async function addApp(tenants?: string[]) {
    const app = newApp(tenants);
    const response = await api(context).post('/v1/apps', app.body).expect(201);
    return { ...app, verifyToken: (response.body as { webhooks: { verify_token: string } }).webhooks.verify_token };
  }

  async function importUnder(app: { id: string; tenant: string }, options: { expiresIn?: number } = {}) {
    const user = meta().make.user({ kind: 'user' });
    const { accessToken } = meta().make.token({ userId: user.id, appId: app.id, longLived: true, ...options });
    const body = { tenant: app.tenant, product: 'pages', access_token: accessToken };
    const response = await api(context).post('/v1/connections/import', body);
    if (response.status !== 201) throw new Error(response.text);
    return { id: (response.body as { id: string }).id, userId: user.id, accessToken };
  }

  describe('as data', () => {
    it('are added once Meta accepts id and secret, listed, changed and deleted, with an entry for each', async () => {
      const { id, body } = newApp();
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
      const { id, body } = newApp();
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
      const app = await addApp();
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
      const own = await addApp();
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

      const all = await addApp(['*']);
      expect(await dialogOf({ tenant: 'acme' })).toBe(all.id);
      expect(await dialogOf({ tenant: own.tenant })).toBe(own.id);
      const rival = await addApp([own.tenant]);
      const { app_id: _, ...ofTenant } = { ...session, tenant: own.tenant };
      const ambiguous = await api(context).post('/v1/connect-sessions', ofTenant).expect(409);
      expect(ambiguous.body).toMatchObject({ code: 'ambiguous_app', detail: expect.stringContaining(rival.id) });
      for (const { id } of [all, rival]) await api(context).delete(`/v1/apps/${id}`).expect(204);
      expect(await dialogOf({ tenant: 'acme' })).toBe(context.sandbox.app.id);
    });

    it('tell front ends of themselves', async () => {
      const { id } = await addApp();
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
      const app = await addApp();
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
      const app = await addApp();
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
      const [one, other] = [await addApp(), await addApp()];
      const user = meta().make.user({ kind: 'user' });
      const { accessToken } = meta().make.token({ userId: user.id, appId: one.id });
      const body = { tenant: other.tenant, product: 'pages', access_token: accessToken };
      expect((await api(context).post('/v1/connections/import', body).expect(422)).body.code).toBe('token_rejected');
    });
  });

  describe('get callbacks of their own', () => {
    const entry = { object: 'page', entry: [{ id: '5', time: 1, changes: [{ field: 'feed', value: {} }] }] };
    const send = (path: string, secret: string, body: object = entry) => {
      const text = JSON.stringify(body);
      return request(context.url)
        .post(path)
        .set('content-type', 'application/json')
        .set('x-hub-signature-256', hubSignature(secret, text))
        .send(text);
    };

    it('which only their own secret signs and only their own token opens', async () => {
      const [one, other] = [await addApp(), newApp()];
      meta().patchApp(other.id, { secret: 'd'.repeat(32) });
      await api(context)
        .post('/v1/apps', { ...other.body, app_secret: 'd'.repeat(32) })
        .expect(201);
      await send(`/webhooks/meta/${one.id}`, SECRET).expect(200);
      await send(`/webhooks/meta/${one.id}`, 'd'.repeat(32)).expect(401);
      await send(`/webhooks/meta/${other.id}`, SECRET).expect(401);
      await send(`/webhooks/meta/${one.id}`, context.sandbox.app.secret).expect(401);
      await send('/webhooks/meta', SECRET).expect(401);
      await send('/webhooks/meta/1', SECRET).expect(404);
      const query = { 'hub.mode': 'subscribe', 'hub.challenge': '77', 'hub.verify_token': one.verifyToken };
      expect((await request(context.url).get(`/webhooks/meta/${one.id}`).query(query).expect(200)).text).toBe('77');
      await request(context.url).get(`/webhooks/meta/${other.id}`).query(query).expect(403);
      await request(context.url).get('/webhooks/meta/1').query(query).expect(404);
    });

    it('about their own connections', async () => {
      const [one, other] = [await addApp(), await addApp()];
      const page = meta().make.page({ userIds: [seedIds.user] }).id;
      const connectionIds: string[] = [];
      for (const { tenant } of [one, other])
        connectionIds.push((await connectionAt(context, await completeConnect(context, { tenant }))).id);
      const of = { object: 'page', entry: [{ id: page, time: 9, changes: [{ field: 'feed', value: { n: count } }] }] };
      const receivers = async () =>
        (await context.events('meta.webhook'))
          .filter(({ entry: found }) => JSON.stringify(found).includes(page))
          .map(({ connection_id: id }) => id);
      await send(`/webhooks/meta/${one.id}`, SECRET, of).expect(200);
      expect(await receivers()).toEqual([connectionIds[0]]);
      // The same entry, which Meta sends to each app that is subscribed.
      await send(`/webhooks/meta/${other.id}`, SECRET, of).expect(200);
      await send(`/webhooks/meta/${other.id}`, SECRET, of).expect(200);
      expect(await receivers()).toEqual(connectionIds);
    });

    it('for users who remove them', async () => {
      const app = await addApp();
      const { id, userId } = await importUnder(app);
      const text = signedRequest(SECRET, { user_id: userId, algorithm: 'HMAC-SHA256', issued_at: issuedAt() });
      const post = (path: string) => request(context.url).post(path).type('form').send({ signed_request: text });
      await post('/webhooks/meta/deauthorize').expect(401);
      await post('/webhooks/meta/1/deauthorize').expect(404);
      await post(`/webhooks/meta/${app.id}/deauthorize`).expect(200);
      expect((await context.connection(id)).status).toBe('revoked');
      const deletion = await post(`/webhooks/meta/${app.id}/data-deletion`).expect(200);
      expect(deletion.body).toMatchObject({ url: expect.stringContaining('/data-deletion/') });
      await api(context).delete(`/v1/apps/${app.id}`).expect(204);
    });

    const issuedAt = () => Math.floor(context.clock.now().getTime() / 1000);
  });

  describe('whose secret changes', () => {
    const signed = (url: string, id: string, secret: string) => {
      const text = JSON.stringify({ object: 'page', entry: [{ id: '6', time: ++count, changes: [] }] });
      return request(url)
        .post(`/webhooks/meta/${id}`)
        .set('content-type', 'application/json')
        .set('x-hub-signature-256', hubSignature(secret, text))
        .send(text);
    };

    it('use the new one from the next call on, on every replica, and count the old signatures for the grace', async () => {
      const app = await addApp();
      await importUnder(app);
      const { key } = await createServiceClient(context);
      const lease = (await api(context, key).post('/v1/leases', { tenant: app.tenant, product: 'pages' }).expect(201))
        .body;
      const call = (url: string) =>
        request(url).get('/graph/v26.0/me').set('Authorization', `Bearer ${lease.access_token}`);
      for (const url of [context.url, context.secondUrl]) await call(url).expect(200);

      const fresh = 'e'.repeat(32);
      const refused = await api(context).post(`/v1/apps/${app.id}/secret`, { app_secret: fresh }).expect(409);
      expect(refused.body.code).toBe('app_rejected');
      meta().patchApp(app.id, { secret: fresh });
      const rotated = await api(context).post(`/v1/apps/${app.id}/secret`, { app_secret: fresh, grace_seconds: 60 });
      expect(rotated.status).toBe(200);
      expect(rotated.text).not.toContain(fresh);
      for (const url of [context.secondUrl, context.url]) {
        await call(url).expect(200);
        await signed(url, app.id, fresh).expect(200);
        await signed(url, app.id, SECRET).expect(200);
      }
      context.clock.advance(61);
      for (const url of [context.secondUrl, context.url]) await signed(url, app.id, SECRET).expect(401);
      await context.replica.app.get(PreviousSecretJob).destroyExpired();
      await signed(context.url, app.id, fresh).expect(200);

      const leaked = 'f'.repeat(32);
      meta().patchApp(app.id, { secret: leaked });
      await api(context).post(`/v1/apps/${app.id}/secret`, { app_secret: leaked, grace_seconds: 0 }).expect(200);
      for (const url of [context.secondUrl, context.url]) await signed(url, app.id, fresh).expect(401);
    });

    it('change it as a whole or not at all', async () => {
      const app = await addApp();
      const fresh = 'c'.repeat(32);
      meta().patchApp(app.id, { secret: fresh });
      // Whatever ends a replica before its commit ends like this: the database has nothing of the change.
      const breaking = `CREATE FUNCTION break_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'broken'; END $$;
        CREATE TRIGGER break_change BEFORE INSERT ON audit_entry FOR EACH ROW WHEN (NEW.action = 'app.secret_rotated')
          EXECUTE FUNCTION break_change()`;
      await context.database.run({ text: breaking, values: [] });
      const path = `/v1/apps/${app.id}/secret`;
      const broken = await api(context).post(path, { app_secret: fresh });
      await context.database.run({
        text: 'LOCK TABLE audit_entry; DROP TRIGGER break_change ON audit_entry',
        values: [],
      });
      await context.database.run({ text: 'DROP FUNCTION break_change', values: [] });
      expect(broken.status).toBeGreaterThanOrEqual(500);
      expect(broken.text).not.toContain(fresh);
      await signed(context.secondUrl, app.id, SECRET).expect(200);
      await signed(context.secondUrl, app.id, fresh).expect(401);
      await api(second()).post(path, { app_secret: fresh }).expect(200);
      await signed(context.url, app.id, fresh).expect(200);
    });

    it('do not lose a refresh that is under way', async () => {
      const app = await addApp();
      const { id } = await importUnder(app);
      const fresh = 'a'.repeat(32);
      // Meta has the new secret, we have the old one; it arrives while Meta refuses the exchange.
      meta().patchApp(app.id, { secret: fresh });
      const rotation = api(second()).post(`/v1/apps/${app.id}/secret`, { app_secret: fresh });
      const [refreshed, rotated] = await Promise.all([
        api(context).post(`/v1/connections/${id}/refresh`, {}),
        rotation,
      ]);
      expect(rotated.status).toBe(200);
      expect((await context.connection(id)).status).toBe('active');
      if (refreshed.status !== 200) await api(context).post(`/v1/connections/${id}/refresh`, {}).expect(200);
      await api(context).post(`/v1/connections/${id}/refresh`, {}).expect(200);
    });

    it('hold up nobody else where it is wrong: connections say why, subscribers are told once', async () => {
      const [broken, sound] = [await addApp(), await addApp()];
      const expiresIn = 3 * 86_400;
      const failing: string[] = [];
      for (let n = 0; n < 12; n++) failing.push((await importUnder(broken, { expiresIn })).id);
      const working = await importUnder(sound, { expiresIn });
      meta().patchApp(broken.id, { secret: 'a'.repeat(32) });
      await context.sweep.refresh();
      await context.sweep.refresh();
      expect((await context.root(working.id)).version).toBe(2);
      // A refused app is asked again by one connection at a time, so on a slow machine some were not asked yet.
      const isAsked = async (id: string) => (await context.root(id)).failure !== null;
      for (const id of failing) {
        if (await isAsked(id)) continue;
        context.clock.advance(11 * 60);
        await context.sweep.refresh();
      }
      for (const id of failing) {
        const { status, credentials } = await context.connection(id);
        expect(status).toBe('active');
        expect(credentials[0]?.failure?.code).toBe('meta_configuration');
      }
      const told = async () => (await context.events('app.failing')).filter(({ app_id: id }) => id === broken.id);
      expect(await told()).toMatchObject([{ tenant: broken.tenant, reason: { code: 'app_rejected' } }]);

      await api(second())
        .post(`/v1/apps/${broken.id}/secret`, { app_secret: 'a'.repeat(32) })
        .expect(200);
      context.clock.advance(2 * 86_400);
      await context.sweep.refresh();
      for (const id of failing) expect((await context.root(id)).version).toBe(2);
      expect(await told()).toHaveLength(1);
    });
  });

  it('sends a login that began before its app was deleted back in words', async () => {
    const app = await addApp();
    const { browser, callback } = await browseToCallback(context, { tenant: app.tenant });
    await api(context).delete(`/v1/apps/${app.id}`).expect(204);
    const response = await browser.get(callback);
    expect(response.status).toBeLessThan(500);
  });
});
