import { describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import request from 'supertest';
import { RawJson } from '../../src/events/outbox/event-data.ts';
import { SAMPLE_EVENT, useSubscriptions } from '../support/subscriptions-test-context.ts';
import { until } from '../support/until.ts';
import { startReceiver } from '../support/webhook-receiver.ts';

const context = useSubscriptions();

describe('a delivery', () => {
  it('arrives within two seconds, with a signature that the Standard Webhooks library accepts', async () => {
    const { id, secret } = await context.subscribe();
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    await context.publish();
    const [delivery] = await context.receiver.waitFor(1, 2_000);
    expect(new Webhook(secret).verify(delivery?.body ?? '', delivery?.headers as Record<string, string>)).toEqual({
      type: 'connection.created',
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      data: SAMPLE_EVENT.data,
    });
    expect(delivery?.id).toMatch(/^evt_/);
    const [made] = await until(
      () => context.deliveries(id, 'delivered'),
      (rows) => rows.length === 1,
    );
    expect(made).toMatchObject({
      event_id: delivery?.id,
      attempts: 1,
      last_status: 204,
      last_error: null,
      tenant: 'acme',
    });
    expect(context.log.text()).not.toContain(secret);
  });

  it('is retried within five seconds after a failure, with the same id and a new signature', async () => {
    const { secret } = await context.subscribe();
    context.receiver.respondWith(500);
    await context.publish();
    await context.receiver.waitFor(1);
    context.receiver.respondWith(200);
    const [first, second] = await context.receiver.waitFor(2);
    expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeLessThan(5_000);
    expect(second?.id).toBe(first?.id);
    expect(second?.body).toBe(first?.body);
    new Webhook(secret).verify(second?.body ?? '', second?.headers as Record<string, string>);
  });

  it("keeps Meta's numbers unchanged", async () => {
    await context.subscribe({ events: ['meta.webhook'] });
    const entry = '{"id": 17841400000000000123, "n":1.0,  "text":"\\u00e9"}';
    await context.publish({ type: 'meta.webhook', data: { object: 'page', entry: new RawJson(entry) } });
    const [delivery] = await context.receiver.waitFor(1);
    expect(delivery?.body).toContain(`"entry":${entry}`);
  });

  it('never goes to a subscription of other tenants; without a tenant, only to those that name none', async () => {
    const other = await startReceiver();
    await context.subscribe({ tenants: ['acme'] });
    await context.subscribe({ url: other.url });
    await context.publish({ tenant: 'rival' });
    await context.publish({ tenant: null });
    await context.publish({ tenant: 'acme' });
    await other.waitFor(3);
    await context.receiver.waitFor(1);
    expect(context.receiver.received.map(({ id }) => id)).toEqual([other.received[2]?.id]);
    await other.close();
  });

  it('does not follow a redirect', async () => {
    const other = await startReceiver();
    const { id } = await context.subscribe();
    context.receiver.respondWith((_, response) => response.writeHead(307, { location: other.url }).end());
    await context.publish();
    const [made] = await until(
      () => context.deliveries(id, 'pending'),
      ([row]) => row?.attempts === 1,
    );
    expect(made).toMatchObject({ last_status: 307, last_error: 'redirect', next_attempt_at: expect.any(String) });
    expect(other.received).toEqual([]);
    await other.close();
  });
});

describe('responses of a receiver', () => {
  it('410 ends the subscription; pending deliveries become dead, and are replayed after it is resumed', async () => {
    const { id } = await context.subscribe();
    context.receiver.respondWith(410);
    await context.publish();
    await context.publish();
    await until(
      () => context.call().get(`/v1/subscriptions/${id}`),
      ({ body }) => body.status === 'ended',
    );
    const dead = await until(
      () => context.deliveries(id, 'dead'),
      (rows) => rows.length === 2,
    );
    expect(dead.map((row) => row.last_error).sort()).toEqual(['http_status', 'subscription_ended']);
    expect((await context.call().post(`/v1/deliveries/${dead[0]?.id}/replay`, {})).body.code).toBe(
      'subscription_ended',
    );
    expect((await context.call().post(`/v1/subscriptions/${id}/resume`, {})).body.status).toBe('active');
    context.receiver.respondWith(200);
    const from = new Date(0).toISOString();
    const response = await context.call().post(`/v1/subscriptions/${id}/replay`, { from });
    expect([response.status, response.body]).toEqual([202, { replayed: 2 }]);
    await until(
      () => context.deliveries(id, 'delivered'),
      (rows) => rows.length === 2,
    );
    expect(await context.auditActions(id)).toEqual([
      'subscription.created',
      'subscription.ended',
      'subscription.resumed',
      'deliveries.replayed',
    ]);
  });

  it('429 with Retry-After pauses it', async () => {
    const { id } = await context.subscribe();
    context.receiver.respondWith((_, response) => response.writeHead(429, { 'retry-after': '120' }).end());
    await context.publish();
    const { body } = await until(
      () => context.call().get(`/v1/subscriptions/${id}`),
      (response) => response.body.resume_at !== null,
    );
    const seconds = (Date.parse(body.resume_at) - Date.now()) / 1000;
    expect(seconds).toBeGreaterThan(110);
    expect(seconds).toBeLessThan(125);
    // Once another subscription has the next event, this one would have had its turn, too.
    const other = await startReceiver();
    await context.subscribe({ url: other.url });
    await context.publish({ connectionId: 'con_2' });
    await other.waitFor(1);
    await until(
      () => context.deliveries(id, 'pending'),
      (rows) => rows.length === 2,
    );
    await context.publish({ connectionId: 'con_3' });
    await other.waitFor(2);
    expect(context.receiver.received).toHaveLength(1);
    await other.close();
  });
});

it('metrics tell what waits and what became of attempts', async () => {
  const { id } = await context.subscribe();
  await context.publish();
  await until(
    () => context.deliveries(id, 'delivered'),
    (rows) => rows.length === 1,
  );
  const { text } = await request(context.replica.app.getHttpServer()).get('/metrics');
  expect(text).toMatch(/metavault_event_attempts_total\{outcome="delivered",error="none"\} [1-9]/);
  expect(text).toMatch(/metavault_event_deliveries\{status="undispatched"\} 0/);
  expect(text).toContain('metavault_subscriptions_failing 0');
});
