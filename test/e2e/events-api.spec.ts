import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import request from 'supertest';
import { Database } from '../../src/database/database.ts';
import { RawJson } from '../../src/events/event-data.ts';
import { Outbox, type OutboxEvent } from '../../src/events/outbox.ts';
import { api } from '../support/connect.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { captureLog, startTestReplica, type TestReplica } from '../support/replica.ts';

let replica: TestReplica;
let receiver: Receiver;
const log = captureLog('debug');

beforeAll(async () => {
  replica = await startTestReplica({ overrides: { logger: log.logger } });
});
afterAll(() => replica.close());
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(async () => {
  for (const { id } of (await call().get('/v1/subscriptions')).body.data)
    await call().delete(`/v1/subscriptions/${id}`);
  await receiver.close();
});

const call = () => api({ replica });
const NOBODY = `sub_${'z'.repeat(26)}`;

async function subscribe(body: Record<string, unknown> = {}) {
  const answer = await call().post('/v1/subscriptions', { url: receiver.url, events: ['connection.created'], ...body });
  expect(answer.status).toBe(201);
  return answer.body as { id: string; secret: string; url: string };
}

const EVENT: OutboxEvent = {
  type: 'connection.created',
  tenant: 'acme',
  product: 'pages',
  connectionId: 'con_1',
  data: { connection_id: 'con_1', tenant: 'acme', product: 'pages', status: 'active' },
};

function happen(event: Partial<OutboxEvent> = {}): Promise<void> {
  return replica.app.get(Outbox).add(replica.app.get(Database), { ...EVENT, ...event });
}

const statusOf = async (subscriptionId: string, status: string) =>
  (await call().get(`/v1/subscriptions/${subscriptionId}/deliveries?status=${status}`)).body.data;

async function until<T>(look: () => Promise<T>, isRight: (value: T) => boolean): Promise<T> {
  for (let tries = 0; ; tries++) {
    const value = await look();
    if (isRight(value)) return value;
    if (tries > 200) throw new Error(`it stayed ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const auditActions = async (subjectId: string) =>
  (
    await replica.app.get(Database).rows<{ action: string }>({
      text: 'SELECT action FROM audit_entry WHERE subject_id = $1 ORDER BY id',
      values: [subjectId],
    })
  ).map(({ action }) => action);

describe('a delivery', () => {
  it('comes within two seconds, signed so that the library of Standard Webhooks takes it', async () => {
    const { id, secret } = await subscribe();
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    await happen();
    const [delivery] = await receiver.waitFor(1, 2_000);
    expect(new Webhook(secret).verify(delivery?.body ?? '', delivery?.headers as Record<string, string>)).toEqual({
      type: 'connection.created',
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      data: EVENT.data,
    });
    expect(delivery?.id).toMatch(/^evt_/);
    const [made] = await until(
      () => statusOf(id, 'delivered'),
      (rows) => rows.length === 1,
    );
    expect(made).toMatchObject({
      event_id: delivery?.id,
      attempts: 1,
      last_status: 204,
      last_error: null,
      tenant: 'acme',
    });
    expect(log.text()).not.toContain(secret);
  });

  it('is made again within five seconds after a failure, under the same id, and signed anew', async () => {
    const { secret } = await subscribe();
    receiver.behave(500);
    await happen();
    await receiver.waitFor(1);
    receiver.behave(200);
    const [first, second] = await receiver.waitFor(2);
    expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeLessThan(5_000);
    expect(second?.id).toBe(first?.id);
    expect(second?.body).toBe(first?.body);
    new Webhook(secret).verify(second?.body ?? '', second?.headers as Record<string, string>);
  });

  it("carries Meta's numbers as they came", async () => {
    await subscribe({ events: ['meta.webhook'] });
    const entry = '{"id": 17841400000000000123, "n":1.0,  "text":"\\u00e9"}';
    await happen({ type: 'meta.webhook', data: { object: 'page', entry: new RawJson(entry) } });
    const [delivery] = await receiver.waitFor(1);
    expect(delivery?.body).toContain(`"entry":${entry}`);
  });

  it('never goes to a subscription of other tenants, and without a tenant only to those that name none', async () => {
    const other = await startReceiver();
    await subscribe({ tenants: ['acme'] });
    await subscribe({ url: other.url });
    await happen({ tenant: 'rival' });
    await happen({ tenant: null });
    await happen({ tenant: 'acme' });
    await other.waitFor(3);
    await receiver.waitFor(1);
    expect(receiver.received.map(({ id }) => id)).toEqual([other.received[2]?.id]);
    await other.close();
  });

  it('does not follow a redirect', async () => {
    const other = await startReceiver();
    const { id } = await subscribe();
    receiver.behave((_, answer) => answer.writeHead(307, { location: other.url }).end());
    await happen();
    const [made] = await until(
      () => statusOf(id, 'pending'),
      ([row]) => row?.attempts === 1,
    );
    expect(made).toMatchObject({ last_status: 307, last_error: 'redirect', next_attempt_at: expect.any(String) });
    expect(other.received).toEqual([]);
    await other.close();
  });
});

describe('what a receiver may answer', () => {
  it('410 ends the subscription; what waits is buried, and replayed after it is resumed', async () => {
    const { id } = await subscribe();
    receiver.behave(410);
    await happen();
    await happen();
    await until(
      () => call().get(`/v1/subscriptions/${id}`),
      ({ body }) => body.status === 'ended',
    );
    const dead = await until(
      () => statusOf(id, 'dead'),
      (rows) => rows.length === 2,
    );
    expect(dead.map((row: { last_error: string }) => row.last_error).sort()).toEqual([
      'http_status',
      'subscription_ended',
    ]);
    expect((await call().post(`/v1/deliveries/${dead[0].id}/replay`, {})).body.code).toBe('subscription_ended');
    expect((await call().post(`/v1/subscriptions/${id}/resume`, {})).body.status).toBe('active');
    receiver.behave(200);
    const from = new Date(0).toISOString();
    const answer = await call().post(`/v1/subscriptions/${id}/replay`, { from });
    expect([answer.status, answer.body]).toEqual([202, { replayed: 2 }]);
    await until(
      () => statusOf(id, 'delivered'),
      (rows) => rows.length === 2,
    );
    expect(await auditActions(id)).toEqual([
      'subscription.created',
      'subscription.ended',
      'subscription.resumed',
      'deliveries.replayed',
    ]);
  }, 40_000);

  it('429 with Retry-After gives it a rest', async () => {
    const { id } = await subscribe();
    receiver.behave((_, answer) => answer.writeHead(429, { 'retry-after': '120' }).end());
    await happen();
    const { body } = await until(
      () => call().get(`/v1/subscriptions/${id}`),
      (answer) => answer.body.resume_at !== null,
    );
    const seconds = (Date.parse(body.resume_at) - Date.now()) / 1000;
    expect(seconds).toBeGreaterThan(110);
    expect(seconds).toBeLessThan(125);
    await happen({ connectionId: 'con_2' });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(receiver.received).toHaveLength(1);
  });
});

describe('subscriptions', () => {
  it('are listed, read and deleted, also twice; the secret is shown once', async () => {
    const { secret: _, ...created } = await subscribe({ tenants: ['acme'], products: ['pages'] });
    expect((await call().get(`/v1/subscriptions/${created.id}`)).body).toEqual(created);
    expect((await call().get('/v1/subscriptions')).body).toEqual({ data: [created], next_cursor: null });
    expect((await call().delete(`/v1/subscriptions/${created.id}`)).status).toBe(204);
    expect((await call().delete(`/v1/subscriptions/${created.id}`)).status).toBe(204);
    expect((await call().get(`/v1/subscriptions/${created.id}`)).body.code).toBe('subscription_not_found');
    expect((await call().get(`/v1/subscriptions/${created.id}/deliveries`)).status).toBe(404);
    for (const path of [`/v1/subscriptions/${NOBODY}`, '/v1/subscriptions/none']) {
      expect((await call().get(path)).status).toBe(404);
      expect((await call().delete(path)).status).toBe(404);
    }
    expect(await auditActions(created.id)).toEqual(['subscription.created', 'subscription.deleted']);
    const left = await replica.app.get(Database).rows({
      text: 'SELECT 1 FROM subscription_secret WHERE subscription_id = $1',
      values: [created.id],
    });
    expect(left).toEqual([]);
  });

  it('wait while they are paused', async () => {
    const { id } = await subscribe();
    expect((await call().post(`/v1/subscriptions/${id}/pause`, {})).body.status).toBe('paused');
    await happen();
    await until(
      () => statusOf(id, 'pending'),
      (rows) => rows.length === 1,
    );
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect(receiver.received).toEqual([]);
    expect((await call().post(`/v1/subscriptions/${id}/resume`, {})).body.status).toBe('active');
    await receiver.waitFor(1);
  });

  it('sign with both secrets while one is rotated, and with the new one only where there is no overlap', async () => {
    const { id, secret: first } = await subscribe();
    const rotated = await call().post(`/v1/subscriptions/${id}/rotate-secret`, {});
    expect(rotated.status).toBe(201);
    await happen();
    const [both] = await receiver.waitFor(1);
    for (const secret of [first, rotated.body.secret]) {
      new Webhook(secret).verify(both?.body ?? '', both?.headers as Record<string, string>);
    }
    const last = await call().post(`/v1/subscriptions/${id}/rotate-secret`, { overlap_seconds: 0 });
    await happen();
    const [, alone] = await receiver.waitFor(2);
    const headers = alone?.headers as Record<string, string>;
    new Webhook(last.body.secret).verify(alone?.body ?? '', headers);
    for (const secret of [first, rotated.body.secret]) {
      expect(() => new Webhook(secret).verify(alone?.body ?? '', headers)).toThrow('No matching signature');
    }
  });

  it('are tested at once', async () => {
    const { id, secret } = await subscribe();
    const good = await call().post(`/v1/subscriptions/${id}/test`, {});
    expect([good.status, good.body]).toEqual([
      200,
      {
        event_id: receiver.received[0]?.id,
        delivered: true,
        status: 204,
        error: null,
        duration_ms: expect.any(Number),
      },
    ]);
    const headers = receiver.received[0]?.headers as Record<string, string>;
    expect(new Webhook(secret).verify(receiver.received[0]?.body ?? '', headers)).toMatchObject({
      type: 'subscription.test',
      data: { subscription_id: id },
    });
    receiver.behave(500);
    const bad = await call().post(`/v1/subscriptions/${id}/test`, {});
    expect(bad.body).toMatchObject({ delivered: false, status: 500, error: 'http_status' });
  });

  it('are changed in what is given, null being all; the next event goes by it', async () => {
    const { secret: _, ...created } = await subscribe({ tenants: ['acme'], products: ['pages'] });
    const path = `/v1/subscriptions/${created.id}`;
    const same = await call().patch(path, {});
    expect([same.status, same.body]).toEqual([200, created]);
    const change = { events: ['connection.revoked'], tenants: null };
    const changed = await call().patch(path, change);
    expect([changed.status, changed.body]).toEqual([200, { ...created, ...change, updated_at: expect.any(String) }]);
    expect((await call().get(path)).body).toEqual(changed.body);
    const other = await startReceiver();
    expect((await call().patch(path, { url: other.url, products: ['ads', 'pages'] })).body).toMatchObject({
      url: other.url,
      ...change,
      products: ['ads', 'pages'],
    });
    await happen({ tenant: 'rival' });
    await happen({ tenant: 'rival', type: 'connection.revoked' });
    const [delivery] = await other.waitFor(1);
    expect(delivery?.message.type).toBe('connection.revoked');
    expect(receiver.received).toEqual([]);
    await other.close();
    expect(await auditActions(created.id)).toEqual([
      'subscription.created',
      'subscription.changed',
      'subscription.changed',
    ]);
  });

  it('400 and 404: what none may become', async () => {
    const { id } = await subscribe();
    const bad: [Record<string, unknown>, string][] = [
      [{ url: null }, 'url'],
      [{ url: 'https://169.254.169.254/latest' }, 'url'],
      [{ url: 'https://user:pass@example.com/' }, 'url'],
      [{ events: [] }, 'events'],
      [{ events: null }, 'events'],
      [{ events: ['connection.sold'] }, 'events'],
      [{ tenants: [] }, 'tenants'],
      [{ tenants: ['a b'] }, 'tenants'],
      [{ products: ['tiktok'] }, 'products'],
      [{ status: 'paused' }, 'status'],
      [{ secret: 'whsec_AAAA' }, 'secret'],
    ];
    for (const [body, path] of bad) {
      const answer = await call().patch(`/v1/subscriptions/${id}`, body);
      expect([body, answer.status, answer.body.code]).toEqual([body, 400, 'invalid_request']);
      expect(answer.body.errors[0].path).toBe(path);
    }
    expect((await call().patch(`/v1/subscriptions/${NOBODY}`, {})).body.code).toBe('subscription_not_found');
    await call().delete(`/v1/subscriptions/${id}`);
    expect((await call().patch(`/v1/subscriptions/${id}`, { events: ['connection.created'] })).status).toBe(404);
    expect(await auditActions(id)).toEqual(['subscription.created', 'subscription.deleted']);
  });

  it('400: what no subscription may be', async () => {
    const good = { url: receiver.url, events: ['connection.created'] };
    const bad: [Record<string, unknown>, string][] = [
      [{ ...good, url: undefined }, 'url'],
      [{ ...good, url: 7 }, 'url'],
      [{ ...good, url: 'http://example.com/' }, 'url'],
      [{ ...good, url: 'https://169.254.169.254/latest' }, 'url'],
      [{ ...good, url: 'https://user:pass@example.com/' }, 'url'],
      [{ ...good, events: [] }, 'events'],
      [{ ...good, events: ['connection.sold'] }, 'events'],
      [{ ...good, events: 'connection.created' }, 'events'],
      [{ ...good, tenants: [] }, 'tenants'],
      [{ ...good, tenants: ['a b'] }, 'tenants'],
      [{ ...good, tenants: null }, 'tenants'],
      [{ ...good, products: ['tiktok'] }, 'products'],
      [{ ...good, name: 'mine' }, 'name'],
    ];
    for (const [body, path] of bad) {
      const answer = await call().post('/v1/subscriptions', body);
      expect([answer.status, answer.body.code]).toEqual([400, 'invalid_request']);
      expect(answer.body.errors[0].path).toBe(path);
    }
    const { id } = await subscribe();
    for (const query of ['status=lost', 'limit=0', 'cursor=zzz']) {
      expect((await call().get(`/v1/subscriptions/${id}/deliveries?${query}`)).status).toBe(400);
    }
    for (const body of [
      {},
      { from: 'yesterday' },
      { from: '1960-01-01T00:00:00Z' },
      { from: '2026-01-01T00:00:00Z', to: '2025-01-01T00:00:00Z' },
    ]) {
      expect((await call().post(`/v1/subscriptions/${id}/replay`, body)).status).toBe(400);
    }
  });

  it('are for admins, within their policy', async () => {
    const client = async (body: object) => (await call().post('/v1/clients', body)).body.api_key as string;
    const service = await client({ name: 's', role: 'service', tenants: ['*'], products: ['*'] });
    expect((await api({ replica }, service).get('/v1/subscriptions')).body.code).toBe('forbidden');
    const narrow = api({ replica }, await client({ name: 'n', role: 'admin', tenants: ['acme'] }));
    const wide = await subscribe();
    const body = { url: receiver.url, events: ['connection.created'] };
    expect((await narrow.post('/v1/subscriptions', body)).body.code).toBe('not_allowed');
    expect((await narrow.post('/v1/subscriptions', { ...body, tenants: ['rival'] })).body.code).toBe('not_allowed');
    const own = (await narrow.post('/v1/subscriptions', { ...body, tenants: ['acme'] })).body;
    expect((await narrow.get('/v1/subscriptions')).body.data.map(({ id }: { id: string }) => id)).toEqual([own.id]);
    expect((await narrow.get(`/v1/subscriptions/${wide.id}`)).status).toBe(404);
    expect((await narrow.delete(`/v1/subscriptions/${wide.id}`)).status).toBe(404);
    expect((await narrow.patch(`/v1/subscriptions/${wide.id}`, {})).status).toBe(404);
    for (const tenants of [null, ['rival'], ['acme', 'rival']]) {
      expect((await narrow.patch(`/v1/subscriptions/${own.id}`, { tenants })).body.code).toBe('not_allowed');
    }
    expect((await narrow.patch(`/v1/subscriptions/${own.id}`, { events: ['meta.webhook'] })).status).toBe(200);
    expect((await api({ replica }, service).patch(`/v1/subscriptions/${own.id}`, {})).body.code).toBe('forbidden');
  });
});

describe('deliveries', () => {
  it('are read and replayed, whatever came of them', async () => {
    const { id } = await subscribe();
    await happen();
    await receiver.waitFor(1);
    const [made] = await until(
      () => statusOf(id, 'delivered'),
      (rows) => rows.length === 1,
    );
    expect((await call().get(`/v1/deliveries/${made.id}`)).body).toEqual(made);
    const answer = await call().post(`/v1/deliveries/${made.id}/replay`, {});
    expect([answer.status, answer.body.status]).toEqual([202, 'pending']);
    const [first, second] = await receiver.waitFor(2);
    expect(second?.id).toBe(first?.id);
    expect((await call().post(`/v1/deliveries/dlv_${'z'.repeat(26)}/replay`, {})).body.code).toBe('delivery_not_found');
  });
});

describe('schemas', () => {
  it('are there for each type, without a key', async () => {
    const server = replica.app.getHttpServer();
    const { types } = (await request(server).get('/schemas/events')).body;
    expect(Object.keys(types)).toContain('connection.reauth_required');
    for (const address of Object.values(types) as string[]) {
      const answer = await request(server).get(new URL(address).pathname);
      expect(answer.headers['content-type']).toBe('application/schema+json; charset=utf-8');
      expect(JSON.parse(answer.text)).toMatchObject({ $id: address, required: ['type', 'timestamp', 'data'] });
    }
    expect((await request(server).get('/schemas/events/v1/none')).status).toBe(404);
  });
});

it('metrics tell what waits and what became of attempts', async () => {
  const { text } = await request(replica.app.getHttpServer()).get('/metrics');
  expect(text).toMatch(/metavault_event_attempts_total\{outcome="delivered",error="none"\} [1-9]/);
  expect(text).toMatch(/metavault_event_deliveries\{status="undispatched"\} 0/);
  expect(text).toContain('metavault_subscriptions_failing 0');
});
