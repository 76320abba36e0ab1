import { describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import request from 'supertest';
import { Database } from '../../src/database/database.ts';
import { api } from '../support/connect-test-context.ts';
import { useSubscriptions } from '../support/subscriptions-test-context.ts';
import { until } from '../support/until.ts';
import { startReceiver } from '../support/webhook-receiver.ts';

const NOBODY = `sub_${'z'.repeat(26)}`;
const context = useSubscriptions();

describe('subscriptions', () => {
  it('are listed, read and deleted, also twice; the secret is shown once', async () => {
    const { secret: _, ...created } = await context.subscribe({ tenants: ['acme'], products: ['pages'] });
    expect((await context.call().get(`/v1/subscriptions/${created.id}`)).body).toEqual(created);
    expect((await context.call().get('/v1/subscriptions')).body).toEqual({ data: [created], next_cursor: null });
    expect((await context.call().delete(`/v1/subscriptions/${created.id}`)).status).toBe(204);
    expect((await context.call().delete(`/v1/subscriptions/${created.id}`)).status).toBe(204);
    expect((await context.call().get(`/v1/subscriptions/${created.id}`)).body.code).toBe('subscription_not_found');
    expect((await context.call().get(`/v1/subscriptions/${created.id}/deliveries`)).status).toBe(404);
    for (const path of [`/v1/subscriptions/${NOBODY}`, '/v1/subscriptions/none']) {
      expect((await context.call().get(path)).status).toBe(404);
      expect((await context.call().delete(path)).status).toBe(404);
    }
    expect(await context.auditActions(created.id)).toEqual(['subscription.created', 'subscription.deleted']);
    const left = await context.replica.app.get(Database).rows({
      text: 'SELECT 1 FROM subscription_secret WHERE subscription_id = $1',
      values: [created.id],
    });
    expect(left).toEqual([]);
  });

  it('hold events while paused', async () => {
    const { id } = await context.subscribe();
    expect((await context.call().post(`/v1/subscriptions/${id}/pause`, {})).body.status).toBe('paused');
    await context.publish();
    await until(
      () => context.deliveries(id, 'pending'),
      (rows) => rows.length === 1,
    );
    // Once another subscription has the next event, this one would have had its turn, too.
    const other = await startReceiver();
    await context.subscribe({ url: other.url });
    await context.publish();
    await other.waitFor(1);
    expect(context.receiver.received).toEqual([]);
    await other.close();
    expect((await context.call().post(`/v1/subscriptions/${id}/resume`, {})).body.status).toBe('active');
    await context.receiver.waitFor(1);
  });

  it('sign with both secrets during a rotation, and with only the new one without overlap', async () => {
    const { id, secret: first } = await context.subscribe();
    const rotated = await context.call().post(`/v1/subscriptions/${id}/rotate-secret`, {});
    expect(rotated.status).toBe(201);
    await context.publish();
    const [both] = await context.receiver.waitFor(1);
    for (const secret of [first, rotated.body.secret]) {
      new Webhook(secret).verify(both?.body ?? '', both?.headers as Record<string, string>);
    }
    const last = await context.call().post(`/v1/subscriptions/${id}/rotate-secret`, { overlap_seconds: 0 });
    await context.publish();
    const [, alone] = await context.receiver.waitFor(2);
    const headers = alone?.headers as Record<string, string>;
    new Webhook(last.body.secret).verify(alone?.body ?? '', headers);
    for (const secret of [first, rotated.body.secret]) {
      expect(() => new Webhook(secret).verify(alone?.body ?? '', headers)).toThrow('No matching signature');
    }
  });

  it('are tested at once', async () => {
    const { id, secret } = await context.subscribe();
    const good = await context.call().post(`/v1/subscriptions/${id}/test`, {});
    expect([good.status, good.body]).toEqual([
      200,
      {
        event_id: context.receiver.received[0]?.id,
        delivered: true,
        status: 204,
        error: null,
        duration_ms: expect.any(Number),
      },
    ]);
    const headers = context.receiver.received[0]?.headers as Record<string, string>;
    expect(new Webhook(secret).verify(context.receiver.received[0]?.body ?? '', headers)).toMatchObject({
      type: 'subscription.test',
      data: { subscription_id: id },
    });
    context.receiver.respondWith(500);
    const bad = await context.call().post(`/v1/subscriptions/${id}/test`, {});
    expect(bad.body).toMatchObject({ delivered: false, status: 500, error: 'http_status' });
  });

  it('change only given fields, null meaning all; the next event follows the change', async () => {
    const { secret: _, ...created } = await context.subscribe({ tenants: ['acme'], products: ['pages'] });
    const path = `/v1/subscriptions/${created.id}`;
    const same = await context.call().patch(path, {});
    expect([same.status, same.body]).toEqual([200, created]);
    const change = { events: ['connection.revoked'], tenants: null };
    const changed = await context.call().patch(path, change);
    expect([changed.status, changed.body]).toEqual([200, { ...created, ...change, updated_at: expect.any(String) }]);
    expect((await context.call().get(path)).body).toEqual(changed.body);
    const other = await startReceiver();
    expect((await context.call().patch(path, { url: other.url, products: ['ads', 'pages'] })).body).toMatchObject({
      url: other.url,
      ...change,
      products: ['ads', 'pages'],
    });
    await context.publish({ tenant: 'rival' });
    await context.publish({ tenant: 'rival', type: 'connection.revoked' });
    const [delivery] = await other.waitFor(1);
    expect(delivery?.message.type).toBe('connection.revoked');
    expect(context.receiver.received).toEqual([]);
    await other.close();
    expect(await context.auditActions(created.id)).toEqual([
      'subscription.created',
      'subscription.changed',
      'subscription.changed',
    ]);
  });

  it('400 and 404: invalid changes', async () => {
    const { id } = await context.subscribe();
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
      const response = await context.call().patch(`/v1/subscriptions/${id}`, body);
      expect([body, response.status, response.body.code]).toEqual([body, 400, 'invalid_request']);
      expect(response.body.errors[0].path).toBe(path);
    }
    expect((await context.call().patch(`/v1/subscriptions/${NOBODY}`, {})).body.code).toBe('subscription_not_found');
    await context.call().delete(`/v1/subscriptions/${id}`);
    expect((await context.call().patch(`/v1/subscriptions/${id}`, { events: ['connection.created'] })).status).toBe(
      404,
    );
    expect(await context.auditActions(id)).toEqual(['subscription.created', 'subscription.deleted']);
  });

  it('400: invalid subscriptions', async () => {
    const good = { url: context.receiver.url, events: ['connection.created'] };
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
      const response = await context.call().post('/v1/subscriptions', body);
      expect([response.status, response.body.code]).toEqual([400, 'invalid_request']);
      expect(response.body.errors[0].path).toBe(path);
    }
    const { id } = await context.subscribe();
    for (const query of ['status=lost', 'limit=0', 'cursor=zzz']) {
      expect((await context.call().get(`/v1/subscriptions/${id}/deliveries?${query}`)).status).toBe(400);
    }
    for (const body of [
      {},
      { from: 'yesterday' },
      { from: '1960-01-01T00:00:00Z' },
      { from: '2026-01-01T00:00:00Z', to: '2025-01-01T00:00:00Z' },
    ]) {
      expect((await context.call().post(`/v1/subscriptions/${id}/replay`, body)).status).toBe(400);
    }
  });

  it('are for admins, within their policy', async () => {
    const client = async (body: object) => (await context.call().post('/v1/clients', body)).body.api_key as string;
    const service = await client({ name: 's', role: 'service', tenants: ['*'], products: ['*'] });
    expect((await api(context, service).get('/v1/subscriptions')).body.code).toBe('forbidden');
    const narrow = api(context, await client({ name: 'n', role: 'admin', tenants: ['acme'] }));
    const wide = await context.subscribe();
    const body = { url: context.receiver.url, events: ['connection.created'] };
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
    expect((await api(context, service).patch(`/v1/subscriptions/${own.id}`, {})).body.code).toBe('forbidden');
  });
});

describe('deliveries', () => {
  it('are read and replayed, whatever their result', async () => {
    const { id } = await context.subscribe();
    await context.publish();
    await context.receiver.waitFor(1);
    const [made] = await until(
      () => context.deliveries(id, 'delivered'),
      (rows) => rows.length === 1,
    );
    expect((await context.call().get(`/v1/deliveries/${made?.id}`)).body).toEqual(made);
    const response = await context.call().post(`/v1/deliveries/${made?.id}/replay`, {});
    expect([response.status, response.body.status]).toEqual([202, 'pending']);
    const [first, second] = await context.receiver.waitFor(2);
    expect(second?.id).toBe(first?.id);
    expect((await context.call().post(`/v1/deliveries/dlv_${'z'.repeat(26)}/replay`, {})).body.code).toBe(
      'delivery_not_found',
    );
  });

  it('show their event as the receiver got it, but never what Meta sent', async () => {
    const { id } = await context.subscribe({ events: ['connection.created', 'meta.webhook'] });
    await context.publish();
    const [received] = await context.receiver.waitFor(1);
    await context.publish({ type: 'meta.webhook', data: { entry: 'a private message' } });
    await context.receiver.waitFor(2);
    const [relayed, own] = await until(
      () => context.deliveries(id, 'delivered'),
      (rows) => rows.length === 2,
    );
    const event = await context.call().get(`/v1/deliveries/${own?.id}/event`);
    const { type, data } = JSON.parse(received?.body ?? '{}') as Record<string, unknown>;
    expect(event.body).toMatchObject({ id: received?.id, type, data, hidden: null });
    const sealed = await context.call().get(`/v1/deliveries/${relayed?.id}/event`);
    expect(sealed.body).toMatchObject({ type: 'meta.webhook', data: null, hidden: 'sealed' });
    expect(sealed.text).not.toContain('private message');
    expect((await context.call().get(`/v1/deliveries/dlv_${'z'.repeat(26)}/event`)).status).toBe(404);
  });
});

describe('schemas', () => {
  it('exist for each type, without a key', async () => {
    const server = context.replica.app.getHttpServer();
    const { types } = (await request(server).get('/schemas/events')).body;
    expect(Object.keys(types)).toContain('connection.reauth_required');
    for (const address of Object.values(types) as string[]) {
      const response = await request(server).get(new URL(address).pathname);
      expect(response.headers['content-type']).toBe('application/schema+json; charset=utf-8');
      expect(JSON.parse(response.text)).toMatchObject({ $id: address, required: ['type', 'timestamp', 'data'] });
    }
    expect((await request(server).get('/schemas/events/v1/none')).status).toBe(404);
  });
});
