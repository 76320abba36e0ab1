import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import request from 'supertest';
import { api } from '../../../support/connect-test-context.ts';
import { type LifecycleTestContext, openLifecycleTestContext } from '../../../support/lifecycle-test-context.ts';
import { TEST_ADMIN_KEY } from '../../../support/test-replica.ts';
import { until } from '../../../support/until.ts';

let context: LifecycleTestContext;
beforeAll(async () => {
  context = await openLifecycleTestContext({ META_WEBHOOK_VERIFY_TOKEN: 'a-token' });
});
afterAll(() => context?.close());

const ready = (key?: string) => {
  const call = request(context.replica.app.getHttpServer()).get('/health/ready');
  return key === undefined ? call : call.set('Authorization', `Bearer ${key}`);
};
const OWN = ['audit_chain', 'clock', 'database', 'key_ring', 'migrations', 'process'];
const callsToMeta = (): number => context.sandbox.state.log.list().length;
const clientKey = async (role: string) =>
  (await api(context).post('/v1/clients', { name: role, role, tenants: ['*'], products: ['*'] })).body
    .api_key as string;

describe('GET /health/ready', () => {
  it('tells probes, wrong keys and other roles no more than whether it is ready, and asks nobody', async () => {
    const before = callsToMeta();
    for (const key of [
      undefined,
      'nonsense',
      `mtv_${'0'.repeat(60)}`,
      await clientKey('service'),
      await clientKey('auditor'),
    ]) {
      const response = await ready(key).expect(200);
      expect(Object.keys(response.body.details).sort()).toEqual(OWN);
      expect(response.text).not.toContain(context.sandbox.app.id);
    }
    const basic = await request(context.replica.app.getHttpServer()).get('/health/ready').auth('probe', 'secret');
    expect([basic.status, Object.keys(basic.body.details).sort()]).toEqual([200, OWN]);
    expect(callsToMeta()).toBe(before);
  });

  it('stays 200 where the audit chain is held up, and says so', async () => {
    const chain = async () => (await ready().expect(200)).body.details.audit_chain;
    expect(await chain()).toEqual({ status: 'up' });
    const holder = new pg.Client({ connectionString: context.replica.databaseUrl });
    await holder.connect();
    await holder.query('SELECT pg_advisory_lock(727003)');
    await clientKey('service');
    const heldUp = await until(
      async () => {
        context.clock.advance(20);
        return chain();
      },
      ({ status }) => status === 'down',
    );
    expect(heldUp).toEqual({ status: 'down', held_up_since: expect.any(String), reason: 'locked' });
    await holder.end();
    expect(await until(chain, ({ status }) => status === 'up')).toEqual({ status: 'up' });
  });

  it('tells admins what the doctor finds, each with its remedy, and asks Meta once in five minutes', async () => {
    context.clock.advance(301);
    const before = callsToMeta();
    const [first, second] = (await Promise.all([ready(TEST_ADMIN_KEY), ready(TEST_ADMIN_KEY)])) as [
      request.Response,
      request.Response,
    ];
    const asked = callsToMeta() - before;
    expect(asked).toBeGreaterThan(0);
    // The skew is measured each time.
    const withoutSkew = (text: string): unknown =>
      JSON.parse(text.replaceAll(/"skew_seconds":[-\d.]+/g, '"skew_seconds":0'));
    expect(withoutSkew(second.text)).toEqual(withoutSkew(first.text));
    const { details } = first.body as {
      details: Record<string, { status: string; examined_at: string; findings: Record<string, unknown>[] }>;
    };
    expect(Object.keys(details)).toEqual(
      expect.arrayContaining([
        ...OWN,
        'meta_app',
        'meta_version',
        'meta_limits',
        'meta_clock',
        'redirect_uri',
        'webhook_handshake',
        'webhook_subscriptions',
        'logins',
        'connections',
        'event_subscriptions',
      ]),
    );
    expect(details['meta_app']).toMatchObject({ status: 'up', findings: [{ state: 'ok', mend: null }, {}] });
    expect(details['redirect_uri']?.findings[0]).toMatchObject({ state: 'attention', mend: expect.any(String) });
    expect(first.text).not.toContain(context.sandbox.app.secret);
    await ready(TEST_ADMIN_KEY).expect(200);
    expect(callsToMeta() - before).toBe(asked);
    context.clock.advance(301);
    const later = await ready(TEST_ADMIN_KEY).expect(200);
    expect(callsToMeta() - before).toBeGreaterThan(asked);
    expect(later.body.details.meta_app.examined_at).not.toBe(details['meta_app']?.examined_at);
  });

  it('makes nobody wait for Meta where it does not respond, and tells the next client that asks', async () => {
    context.clock.advance(301);
    context.fault({ kind: 'delay', delayMs: 7_000 }, { pathPattern: 'oauth/access_token' }, 1);
    const first = await ready(TEST_ADMIN_KEY).expect(200);
    expect(first.body.details.examination).toMatchObject({
      findings: [{ state: 'attention', detail: expect.stringContaining('still running'), mend: expect.any(String) }],
    });
    expect(first.body.details).not.toHaveProperty('meta_app');
    let details: Record<string, unknown> = {};
    for (let tries = 0; tries < 10 && details['meta_app'] === undefined; tries++) {
      details = (await ready(TEST_ADMIN_KEY).expect(200)).body.details;
    }
    expect(details['meta_app']).toMatchObject({ status: 'up' });
  });

  it('stays ready with a secret that Meta refuses: there are leases to serve', async () => {
    context.fault({ kind: 'graph_error', code: 1 }, { pathPattern: 'oauth/access_token' }, null);
    context.clock.advance(301);
    const response = await ready(TEST_ADMIN_KEY);
    context.sandbox.state.faults.clear();
    expect([response.status, response.body.status]).toEqual([200, 'ok']);
    expect(response.body.details.meta_app).toMatchObject({ status: 'down' });
    expect(JSON.stringify(response.body.details.meta_app)).toContain('rejects META_APP_SECRET');
  });
});
