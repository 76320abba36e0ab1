import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ACCESS_RULES } from '../support/access-rules.ts';
import {
  api,
  completeConnect,
  connectionAt,
  createServiceClient,
  createSession,
} from '../support/connect-test-context.ts';
import { ConsoleBrowser } from '../support/console-test-context.ts';
import { type LifecycleTestContext, openLifecycleTestContext } from '../support/lifecycle-test-context.ts';
import { TEST_ADMIN_KEY } from '../support/test-replica.ts';

const SECRET = 'b'.repeat(32);
const NEW_SECRET = 'd'.repeat(32);

/** A client that administers acme, next to apps and connections of others. */
describe('a tenant_admin', () => {
  let context: LifecycleTestContext;
  let asAcme: ReturnType<typeof api>;
  let count = 0;
  const foreign = { app: '', shared: '', connection: '', session: '' };

  beforeAll(async () => {
    context = await openLifecycleTestContext();
    asAcme = api(context, (await newClient({ tenants: ['acme', 'acme-eu'] })).api_key);
    foreign.app = await addApp(['globex']);
    const end = await completeConnect(context, { tenant: 'globex' });
    foreign.connection = (await connectionAt(context, end)).id;
    foreign.session = (await createSession(context, { tenant: 'globex' })).id;
    foreign.shared = await addApp(['acme-eu', 'globex']);
  });
  afterAll(() => context.close());

  async function newClient(body: object): Promise<{ id: string; api_key: string }> {
    const client = { name: 'acme ops', role: 'tenant_admin', ...body };
    return (await api(context).post('/v1/clients', client).expect(201)).body as { id: string; api_key: string };
  }

  function appAtMeta(): string {
    const id = String(710_000_000_000 + ++count);
    context.sandbox.state.make.app({ id, secret: SECRET });
    return id;
  }

  function bodyOf(id: string, tenants: string[]) {
    return { app_id: id, app_secret: SECRET, name: `App ${id}`, tenants };
  }

  async function addApp(tenants: string[], by = api(context)): Promise<string> {
    const id = appAtMeta();
    await by.post('/v1/apps', bodyOf(id, tenants)).expect(201);
    return id;
  }

  it('must name its tenants, when it is made and ever after', async () => {
    const client = { name: 'x', role: 'tenant_admin', products: ['*'] };
    for (const wrong of [client, { ...client, tenants: ['*'] }, { ...client, tenants: ['acme', '*'] }]) {
      const refused = await api(context).post('/v1/clients', wrong).expect(400);
      expect(refused.body).toMatchObject({ code: 'invalid_request', errors: [{ path: 'tenants' }] });
    }
    const { id } = await newClient({ tenants: ['acme'] });
    await api(context)
      .patch(`/v1/clients/${id}`, { tenants: ['*'] })
      .expect(400);
    await api(context)
      .patch(`/v1/clients/${id}`, { tenants: ['acme', 'acme-eu'] })
      .expect(200);
  });

  it('adds, changes and deletes an app of its tenants, connects under it, and revokes', async () => {
    const app = await addApp(['acme'], asAcme);
    const changed = await asAcme.patch(`/v1/apps/${app}`, { name: 'Ours' }).expect(200);
    expect(changed.body).toMatchObject({ name: 'Ours', tenants: ['acme'] });
    expect((await asAcme.get('/v1/apps').expect(200)).body.data).toMatchObject([{ app_id: app, source: 'api' }]);

    const session = { tenant: 'acme', product: 'pages', flow: 'facebook_login' };
    const created = await asAcme.post('/v1/connect-sessions', session).expect(201);
    await asAcme.get(`/v1/connect-sessions/${(created.body as { id: string }).id}`).expect(200);
    const { id } = await connectionAt(context, await completeConnect(context, { tenant: 'acme' }));
    expect((await asAcme.get(`/v1/connections/${id}`).expect(200)).body.app_id).toBe(app);
    expect((await asAcme.get(`/v1/apps/${app}`).expect(200)).body).toMatchObject({
      connections: 1,
      meta: { credentials: 'accepted' },
    });
    expect((await asAcme.delete(`/v1/apps/${app}`).expect(409)).body.code).toBe('app_in_use');

    context.sandbox.state.patchApp(app, { secret: NEW_SECRET });
    await asAcme.post(`/v1/apps/${app}/secret`, { app_secret: NEW_SECRET }).expect(200);
    const revoked = await asAcme.delete(`/v1/connections/${id}`).expect(200);
    expect(revoked.body).toMatchObject({ status: 'revoked', provider_revocation: 'confirmed' });
    await asAcme.delete(`/v1/apps/${app}`).expect(204);

    const { data } = (await asAcme.get('/v1/audit?limit=200').expect(200)).body as {
      data: { action: string; tenant: string; subject_id: string }[];
    };
    expect(new Set(data.map(({ tenant }) => tenant))).toEqual(new Set(['acme']));
    const actions = data.filter(({ subject_id: subject }) => subject === app).map(({ action }) => action);
    expect(actions).toEqual(['app.deleted', 'app.secret_rotated', 'app.changed', 'app.created']);
  });

  it('leaves an app alone on which connections of others still rest, and does not see how many', async () => {
    const app = await addApp(['acme', 'partner']);
    const { id } = await connectionAt(context, await completeConnect(context, { tenant: 'partner' }));
    await api(context)
      .patch(`/v1/apps/${app}`, { tenants: ['acme'] })
      .expect(200);
    expect((await asAcme.get(`/v1/apps/${app}`).expect(200)).body.connections).toBe(0);
    const refusals = [
      await asAcme.patch(`/v1/apps/${app}`, { name: 'Ours' }),
      await asAcme.post(`/v1/apps/${app}/secret`, { app_secret: SECRET }),
      await asAcme.delete(`/v1/apps/${app}`),
    ];
    for (const { status, body } of refusals) expect([status, body.code]).toEqual([403, 'not_allowed']);
    await api(context).delete(`/v1/connections/${id}`).expect(200);
    await asAcme.delete(`/v1/apps/${app}`).expect(204);
  });

  it('has nothing to do with leases and Graph calls', async () => {
    const { key } = await createServiceClient(context, { tenants: ['globex'] });
    await api(context, key).post('/v1/leases', { tenant: 'globex', product: 'pages' }).expect(201);
    await asAcme.post('/v1/leases', { tenant: 'acme', product: 'pages' }).expect(403);
    await asAcme.get('/v1/leases').expect(403);
  });

  describe('reaches nothing across tenants', () => {
    const sessionOf = (tenant: string) => ({ tenant, product: 'pages', flow: 'facebook_login' });
    const ATTEMPTS: Record<string, () => Promise<unknown>> = {
      'POST /v1/apps': async () => {
        const id = appAtMeta();
        for (const tenants of [['globex'], ['acme', 'globex'], ['*']]) {
          const refused = await asAcme.post('/v1/apps', bodyOf(id, tenants)).expect(403);
          expect(refused.body.code).toBe('not_allowed');
        }
        await api(context).get(`/v1/apps/${id}`).expect(404);
      },
      'GET /v1/apps': async () => {
        const { data } = (await asAcme.get('/v1/apps?limit=200').expect(200)).body as { data: { app_id: string }[] };
        expect(data).toEqual([]);
      },
      'GET /v1/apps/{app_id}': () => hidden((id) => asAcme.get(`/v1/apps/${id}`)),
      'PATCH /v1/apps/{app_id}': async () => {
        await hidden((id) => asAcme.patch(`/v1/apps/${id}`, { tenants: ['acme'] }));
        const own = await addApp(['acme'], asAcme);
        for (const tenants of [['acme', 'globex'], ['*']])
          expect((await asAcme.patch(`/v1/apps/${own}`, { tenants }).expect(403)).body.code).toBe('not_allowed');
        await asAcme.delete(`/v1/apps/${own}`).expect(204);
      },
      'DELETE /v1/apps/{app_id}': () => hidden((id) => asAcme.delete(`/v1/apps/${id}`)),
      'POST /v1/apps/{app_id}/secret': () =>
        hidden((id) => asAcme.post(`/v1/apps/${id}/secret`, { app_secret: SECRET })),
      'GET /v1/audit': async () => {
        const about = await asAcme.get(`/v1/audit?connection_id=${foreign.connection}`).expect(200);
        expect(about.body.data).toEqual([]);
        const { data } = (await asAcme.get('/v1/audit?limit=200').expect(200)).body as { data: { tenant: string }[] };
        expect(data.filter(({ tenant }) => tenant !== 'acme')).toEqual([]);
      },
      'POST /v1/connect-sessions': async () => {
        const refused = await asAcme.post('/v1/connect-sessions', sessionOf('globex')).expect(403);
        expect(refused.body.code).toBe('not_allowed');
        await asAcme.post('/v1/connect-sessions', { ...sessionOf('acme'), app_id: foreign.app }).expect(403);
      },
      'GET /v1/console/sessions': async () => {
        await signedIn();
        expect((await asAcme.get('/v1/console/sessions').expect(200)).body.data).toEqual([]);
      },
      'GET /v1/console/sessions/current': () => asAcme.get('/v1/console/sessions/current').expect(401),
      'DELETE /v1/console/sessions/current': () => asAcme.delete('/v1/console/sessions/current').expect(401),
      'DELETE /v1/console/sessions/{id}': async () => {
        const { browser, id } = await signedIn();
        await asAcme.delete(`/v1/console/sessions/${id}`).expect(404);
        expect((await browser.send('get', '/v1/console/sessions/current')).status).toBe(200);
      },
      'GET /v1/connect-sessions/{id}': () => asAcme.get(`/v1/connect-sessions/${foreign.session}`).expect(404),
      'POST /v1/connect-sessions/{id}/complete': () =>
        asAcme.post(`/v1/connect-sessions/${foreign.session}/complete`, { access_token: 'EAAx' }).expect(404),
      'GET /v1/connections': async () => {
        expect((await asAcme.get('/v1/connections?tenant=globex').expect(403)).body.code).toBe('not_allowed');
        const { data } = (await asAcme.get('/v1/connections').expect(200)).body as { data: { tenant: string }[] };
        expect(data.filter(({ tenant }) => tenant !== 'acme')).toEqual([]);
      },
      'GET /v1/connections/{id}': () => asAcme.get(`/v1/connections/${foreign.connection}`).expect(404),
      'DELETE /v1/connections/{id}': async () => {
        await asAcme.delete(`/v1/connections/${foreign.connection}`).expect(404);
        const { status } = await context.connection(foreign.connection);
        expect(status).toBe('active');
      },
      'POST /v1/connections/revoke': async () => {
        const body = { ids: [foreign.connection] };
        const { results } = (await asAcme.post('/v1/connections/revoke', body).expect(200)).body as {
          results: { problem: { code: string } }[];
        };
        expect(results).toMatchObject([{ problem: { code: 'connection_not_found' } }]);
        expect((await context.connection(foreign.connection)).status).toBe('active');
      },
      'GET /v1/connections/{id}/assets': () => asAcme.get(`/v1/connections/${foreign.connection}/assets`).expect(404),
      'GET /v1/connections/{id}/credentials': () =>
        asAcme.get(`/v1/connections/${foreign.connection}/credentials`).expect(404),
    };

    /** An admin in the console. */
    async function signedIn(): Promise<{ browser: ConsoleBrowser; id: string }> {
      const browser = new ConsoleBrowser(context.replica);
      await browser.signIn({ key: TEST_ADMIN_KEY });
      const { body } = await browser.send('get', '/v1/console/sessions/current');
      return { browser, id: (body as { id: string }).id };
    }

    /** Expects another tenant's app, a shared one, and the environment's to look as if they did not exist. */
    async function hidden(attempt: (id: string) => PromiseLike<{ status: number; body: { code?: string } }>) {
      for (const id of [foreign.app, foreign.shared, context.sandbox.app.id]) {
        const { status, body } = await attempt(id);
        expect([id, status, body.code]).toEqual([id, 404, 'app_not_found']);
      }
      for (const id of [foreign.app, foreign.shared])
        expect((await api(context).get(`/v1/apps/${id}`).expect(200)).body.name).toBe(`App ${id}`);
    }

    it('by any operation of the role', () => {
      const allowed = Object.entries(ACCESS_RULES).filter(([, access]) => access.includes('tenant_admin'));
      expect(Object.keys(ATTEMPTS).sort()).toEqual(allowed.map(([name]) => name).sort());
    });

    it.each(Object.keys(ATTEMPTS))('by %s', async (name) => {
      await ATTEMPTS[name]?.();
    });
  });

  it('is not needed to see what a bound auditor may: apps that serve its tenants only', async () => {
    const auditor = await newClient({ role: 'auditor', tenants: ['globex'] });
    const asAuditor = api(context, auditor.api_key);
    const { data } = (await asAuditor.get('/v1/apps').expect(200)).body as { data: { app_id: string }[] };
    expect(data.map(({ app_id: id }) => id)).toEqual([foreign.app]);
    await asAuditor.get(`/v1/apps/${foreign.shared}`).expect(404);
  });
});
