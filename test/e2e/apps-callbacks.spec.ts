import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import request from 'supertest';
import { AppSecretStore } from '../../src/apps/app-secret-store.ts';
import { PreviousSecretJob } from '../../src/apps/previous-secret.job.ts';
import { hubSignature, signedRequest } from '../../src/sandbox/state/callback-sender.ts';
import { seedIds } from '../../src/sandbox/state/default-seed.ts';
import { api, completeConnect, connectionAt, createServiceClient } from '../support/connect-test-context.ts';
import { type GatewayTestContext, openGatewayTestContext } from '../support/gateway-test-context.ts';
import { SECRET, type SeveralApps, severalApps } from '../support/several-apps.ts';

/** On two replicas, with a Meta that knows them all. */
describe('several Meta apps', () => {
  let context: GatewayTestContext;
  let apps: SeveralApps;
  let entries = 0;
  const meta = () => context.sandbox.state;
  const second = () => ({ replica: context.second });
  beforeAll(async () => {
    context = await openGatewayTestContext();
    apps = severalApps(context);
  });
  afterAll(() => context.close());

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
      const [one, other] = [await apps.addApp(), apps.newApp()];
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

    it('while their secret is being replaced', async () => {
      const app = await apps.addApp();
      const [before, after] = ['e'.repeat(32), 'f'.repeat(32)];
      const replaceSecret = async (secret: string) => {
        meta().patchApp(app.id, { secret });
        await api(context).post(`/v1/apps/${app.id}/secret`, { app_secret: secret, grace_seconds: 0 }).expect(200);
      };
      /** Replaces the secret on one replica once the other has read the app and before it reads the old secret. */
      const replaceBeforeOpening = (secret: string) => {
        const store = context.second.app.get(AppSecretStore);
        const open = store.open.bind(store);
        jest.spyOn(store, 'open').mockImplementationOnce(async (...given) => {
          await replaceSecret(secret);
          return open(...given);
        });
      };
      const text = JSON.stringify(entry);
      replaceBeforeOpening(before);
      await request(context.secondUrl)
        .post(`/webhooks/meta/${app.id}`)
        .set('content-type', 'application/json')
        .set('x-hub-signature-256', hubSignature(before, text))
        .send(text)
        .expect(200);
      replaceBeforeOpening(after);
      const change = { graph_api_version: 'v25.0' };
      await api({ replica: context.second }).patch(`/v1/apps/${app.id}`, change).expect(200);
    });

    it('about their own connections', async () => {
      const [one, other] = [await apps.addApp(), await apps.addApp()];
      const page = meta().make.page({ userIds: [seedIds.user] }).id;
      const connectionIds: string[] = [];
      for (const { tenant } of [one, other])
        connectionIds.push((await connectionAt(context, await completeConnect(context, { tenant }))).id);
      const of = { object: 'page', entry: [{ id: page, time: 9, changes: [{ field: 'feed', value: { n: 1 } }] }] };
      const receivers = async () =>
        (await context.events('meta.webhook'))
          .filter(({ entry: found }) => JSON.stringify(found).includes(page))
          .map(({ connection_id: id }) => id);
      await send(`/webhooks/meta/${one.id}`, SECRET, of).expect(200);
      expect(await receivers()).toEqual([connectionIds[0]]);
      // The same entry again: Meta sends it to each subscribed app.
      await send(`/webhooks/meta/${other.id}`, SECRET, of).expect(200);
      await send(`/webhooks/meta/${other.id}`, SECRET, of).expect(200);
      expect(await receivers()).toEqual(connectionIds);
    });

    it('for users who remove them', async () => {
      const app = await apps.addApp();
      const { id, userId } = await apps.importUnder(app);
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
      const text = JSON.stringify({ object: 'page', entry: [{ id: '6', time: ++entries, changes: [] }] });
      return request(url)
        .post(`/webhooks/meta/${id}`)
        .set('content-type', 'application/json')
        .set('x-hub-signature-256', hubSignature(secret, text))
        .send(text);
    };

    it('use the new one from the next call on, on every replica, and count the old signatures for the grace', async () => {
      const app = await apps.addApp();
      await apps.importUnder(app);
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
      const app = await apps.addApp();
      const fresh = 'c'.repeat(32);
      meta().patchApp(app.id, { secret: fresh });
      // A replica that ends before its commit leaves the same behind: the database has nothing of the change.
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
      const app = await apps.addApp();
      const { id } = await apps.importUnder(app);
      const fresh = 'a'.repeat(32);
      // Meta has the new secret, we have the old one; ours is replaced while Meta refuses the exchange.
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
      const [broken, sound] = [await apps.addApp(), await apps.addApp()];
      const expiresIn = 3 * 86_400;
      const failing: string[] = [];
      for (let n = 0; n < 12; n++) failing.push((await apps.importUnder(broken, { expiresIn })).id);
      const working = await apps.importUnder(sound, { expiresIn });
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
});
