import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { AppRateLimiter } from '../../src/lifecycle/rate-limit/app-rate-limiter.ts';
import { api } from '../support/connect-test-context.ts';
import { DAY, type LifecycleTestContext, openLifecycleTestContext } from '../support/lifecycle-test-context.ts';
import type { TestReplica } from '../support/test-replica.ts';

const SECRET = 'b'.repeat(32);
const FRESH = 'e'.repeat(32);

/** Apps that Meta refuses or throttles, next to one that works, on two replicas. */
describe('an app that fails', () => {
  let context: LifecycleTestContext;
  let second: TestReplica;
  let count = 0;
  beforeAll(async () => {
    context = await openLifecycleTestContext();
    second = await context.startAnotherReplica();
  });
  afterAll(() => context.close());

  async function addApp(): Promise<{ id: string; tenant: string }> {
    const id = String(730_000_000_000 + ++count);
    const tenant = `failing-${count}`;
    context.sandbox.state.make.app({ id, secret: SECRET });
    await api(context)
      .post('/v1/apps', { app_id: id, app_secret: SECRET, name: `App ${id}`, tenants: [tenant] })
      .expect(201);
    return { id, tenant };
  }

  async function connect({ id: appId, tenant }: { id: string; tenant: string }, expiresIn: number) {
    const { id: userId } = context.sandbox.state.make.user({ kind: 'user' });
    const { accessToken } = context.sandbox.state.make.token({ userId, appId, longLived: true, expiresIn });
    const body = { tenant, product: 'pages', access_token: accessToken };
    const { body: made } = await api(context).post('/v1/connections/import', body).expect(201);
    return { id: (made as { id: string }).id, userId };
  }

  const told = async (appId: string) =>
    (await context.events('app.failing')).filter(({ app_id: id }) => id === appId).map(({ reason }) => reason);
  const failureOf = async (id: string) => (await context.root(id)).failure;
  /** Lets what each replica observed reach the database, and through it the other replica. */
  const share = async () => {
    for (const { app } of [context.replica, second]) await app.get(AppRateLimiter).flush();
  };

  it('is told once while Meta throttles it, holds up nobody else, and all its connections say why', async () => {
    const [limited, sound] = [await addApp(), await addApp()];
    const due = [await connect(limited, 3 * DAY), await connect(limited, 3 * DAY)];
    const later = await connect(limited, 50 * DAY);
    const other = await connect(sound, 3 * DAY);
    const rules = due.map(({ userId }) =>
      context.fault({ kind: 'throttle', code: 4 }, { grantType: 'fb_exchange_token', userId }, null),
    );
    await context.sweep.refresh();
    await share();
    expect((await context.root(other.id)).version).toBe(2);
    for (const { id } of [...due, later]) {
      expect((await failureOf(id))?.code).toBe('meta_throttled');
      expect((await context.connection(id)).status).toBe('active');
    }
    expect(await failureOf(later.id)).toMatchObject({ attempts: 0, next_attempt_at: null });
    expect(await failureOf(other.id)).toBeNull();
    const parts = await api({ replica: second }).get(`/v1/connections/${later.id}/credentials`).expect(200);
    expect(parts.body.data).toMatchObject([{ failure: { code: 'meta_throttled' } }]);

    for (let n = 0; n < 2; n++) {
      context.clock.advance(20 * 60);
      await context.sweep.refresh();
      await share();
    }
    expect(await told(limited.id)).toMatchObject([{ code: 'app_throttled', remedy: expect.any(String) }]);

    for (const rule of rules) context.sandbox.state.faults.clear(rule.id);
    context.clock.advance(DAY);
    await context.sweep.refresh();
    for (const { id } of due) expect((await context.root(id)).version).toBe(2);
    expect(await failureOf(later.id)).toBeNull();
    expect(await told(limited.id)).toHaveLength(1);
  });

  it('is told again when its limit turns out to be a refusal, and not the other way around', async () => {
    const app = await addApp();
    const { id, userId } = await connect(app, 3 * DAY);
    const rule = context.fault({ kind: 'throttle', code: 4 }, { grantType: 'fb_exchange_token', userId }, null);
    await context.sweep.refresh();
    await share();
    context.sandbox.state.faults.clear(rule.id);
    context.sandbox.state.patchApp(app.id, { secret: FRESH });
    context.clock.advance(DAY);
    await context.sweep.refresh();
    expect(await told(app.id)).toMatchObject([{ code: 'app_throttled' }, { code: 'app_rejected' }]);
    await second.app.get(AppRateLimiter).flush();
    expect((await failureOf(id))?.code).toBe('meta_configuration');
    await api({ replica: second }).post(`/v1/apps/${app.id}/secret`, { app_secret: FRESH }).expect(200);
    context.clock.advance(DAY);
    await context.sweep.refresh();
    expect((await context.root(id)).version).toBe(2);
    expect(await told(app.id)).toHaveLength(2);
  });

  it('shows on connections that were not asked about, as long as Meta refuses it', async () => {
    const app = await addApp();
    const due = await connect(app, 3 * DAY);
    const quiet = await connect(app, 50 * DAY);
    context.sandbox.state.patchApp(app.id, { secret: FRESH });
    await context.sweep.refresh();
    for (const { id } of [due, quiet]) expect((await failureOf(id))?.code).toBe('meta_configuration');
    const { data } = (await api(context).get(`/v1/connections?tenant=${app.tenant}`).expect(200)).body as {
      data: { credentials: { failure: { code: string } | null }[] }[];
    };
    expect(data.map(({ credentials }) => credentials[0]?.failure?.code)).toEqual([
      'meta_configuration',
      'meta_configuration',
    ]);
    await api(context).post(`/v1/apps/${app.id}/secret`, { app_secret: FRESH }).expect(200);
    expect(await failureOf(quiet.id)).toBeNull();
  });
});

describe('callbacks of Meta', () => {
  let context: LifecycleTestContext;
  beforeAll(async () => {
    context = await openLifecycleTestContext();
  });
  afterAll(() => context.close());

  it.each(['deauthorize', 'data-deletion', '1029/deauthorize', '1029/data-deletion'])(
    'say for a GET of %s that it takes POST only',
    async (path) => {
      const response = await request(context.replica.app.getHttpServer()).get(`/webhooks/meta/${path}`).expect(405);
      expect(response.headers['allow']).toBe('OPTIONS, POST');
      expect(response.body.code).toBe('method_not_allowed');
    },
  );
});
