import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import request from 'supertest';
import { SynchronizationNoticeJob } from '../../src/connect/phone-numbers/synchronization-notice.job.ts';
import { UnfinishedSignupJob } from '../../src/connect/unfinished/unfinished-signup.job.ts';
import { api, createSession } from '../support/connect-test-context.ts';
import { DAY, type LifecycleTestContext, openLifecycleTestContext } from '../support/lifecycle-test-context.ts';
import { until } from '../support/until.ts';
import { type ReceivedDelivery, type Receiver, startReceiver } from '../support/webhook-receiver.ts';

let context: LifecycleTestContext;
let receiver: Receiver;
let subscriptionId: string;
let schemas: Map<string, ValidateFunction>;
/** The same, without additional fields. */
let closedSchemas: Map<string, ValidateFunction>;

beforeAll(async () => {
  context = await openLifecycleTestContext();
  receiver = await startReceiver();
  const { types } = (await request(server()).get('/schemas/events').expect(200)).body as {
    types: Record<string, string>;
  };
  const [ajv, closed] = [newAjv(), newAjv()];
  [schemas, closedSchemas] = [new Map(), new Map()];
  for (const [type, address] of Object.entries(types)) {
    const { text } = await request(server()).get(new URL(address).pathname).expect(200);
    schemas.set(type, ajv.compile(JSON.parse(text) as object));
    closedSchemas.set(type, closed.compile(close(JSON.parse(text)) as object));
  }
  const events = Object.keys(types).filter((type) => type !== 'subscription.test');
  const made = await api(context).post('/v1/subscriptions', { url: receiver.url, events });
  expect(made.status).toBe(201);
  subscriptionId = (made.body as { id: string }).id;
});
afterAll(async () => {
  await receiver?.close();
  await context?.close();
});

const server = () => context.replica.app.getHttpServer();

function newAjv(): Ajv2020 {
  const ajv = new Ajv2020({ strict: true, allErrors: true });
  (formats as unknown as (ajv: Ajv2020) => void)(ajv);
  return ajv;
}

/** Forbids additional fields, to find what the published schema omits. Meta's entry stays open. */
function close(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(close);
  if (typeof schema !== 'object' || schema === null) return schema;
  const closed = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, close(value)]));
  return 'properties' in closed ? { ...closed, additionalProperties: false } : closed;
}

/** Really delivered events of one type, once there are `count`. */
async function delivered(
  type: string,
  count: number,
  isMeant: (data: Record<string, unknown>) => boolean = () => true,
): Promise<ReceivedDelivery[]> {
  return until(
    () => receiver.received.filter(({ message }) => message.type === type && isMeant(message.data)),
    (found) => found.length >= count,
  );
}

/** What is said of one connection. */
const isOf =
  ({ id }: { id: string }) =>
  ({ connection_id }: Record<string, unknown>): boolean =>
    connection_id === id;

function conforms({ message }: ReceivedDelivery): void {
  for (const each of [schemas, closedSchemas]) {
    const validate = each.get(message.type);
    const isValid = validate?.(message);
    expect({ type: message.type, isValid, errors: validate?.errors ?? null }).toEqual({
      type: message.type,
      isValid: true,
      errors: null,
    });
  }
}

describe('deliveries match their published schema', () => {
  it('for connections that are made, are refreshed, lose scopes, and end', async () => {
    const first = await context.importConnection({ pages: 1 });
    const again = { tenant: 'acme', product: 'pages', access_token: first.token };
    await api(context).post('/v1/connections/import', again).expect(201);
    const created = await delivered('connection.created', 2, isOf(first));
    expect(created.map(({ message }) => message.data['reconnected'])).toEqual([false, true]);

    await api(context).post(`/v1/connections/${first.id}/refresh`, {}).expect(200);
    context.sandbox.state.removeScope(first.userId, 'email');
    await api(context).post(`/v1/connections/${first.id}/check`, {}).expect(200);
    const refreshed = await delivered('connection.refreshed', 3, isOf(first));
    expect(refreshed.some(({ message }) => 'lost_scopes' in message.data)).toBe(true);
    const endless = await context.importConnection({ kind: 'system_user', expiresIn: null });

    context.clock.advance(76.1 * DAY);
    await context.schedule.runUrgentWork();
    await delivered('connection.expiring', 1, isOf(first));
    const dying = await context.importConnection();
    context.sandbox.state.changePassword(dying.userId);
    await api(context).post(`/v1/connections/${dying.id}/check`, {}).expect(200);
    await delivered('connection.reauth_required', 1, isOf(dying));
    await api(context).delete(`/v1/connections/${endless.id}`).expect(200);
    await delivered('connection.revoked', 1, isOf(endless));
    receiver.received.forEach(conforms);
  });

  it('for a connection that is made unusable', async () => {
    const { id } = context.sandbox.state.make.user({
      kind: 'system_user',
      businessId: '300000000000401',
      wabaIds: [],
    });
    const session = await createSession(context, { tenant: 'wa', product: 'whatsapp', flow: 'embedded_signup' });
    const scopes = ['whatsapp_business_management', 'whatsapp_business_messaging'];
    const code = context.sandbox.state.make.code({ userId: id, fromSdk: true, expiresIn: null, scopes });
    const response = await api(context).post(`/v1/connect-sessions/${session.id}/complete`, { code });
    expect(response.body).toMatchObject({ status: 'reauth_required' });
    const created = await delivered('connection.created', 1, isOf(response.body));
    expect(created[0]?.message.data['status']).toBe('reauth_required');
    await delivered('connection.reauth_required', 1, isOf(response.body));
    receiver.received.forEach(conforms);
  });

  it('for entries from Meta, known and unknown, with ids above 2^53', async () => {
    const { pageIds, id } = await context.importConnection({ pages: 1 });
    const entry = (page: string): string =>
      `{"id":"${page}","time":1,"changes":[{"field":"feed","value":{"post":17841400000000000123}}]}`;
    for (const page of [pageIds[0] ?? '', '999999999999999999']) {
      const body = `{"object":"page","entry":[${entry(page)}]}`;
      const signature = createHmac('sha256', context.sandbox.app.secret).update(body).digest('hex');
      await request(server())
        .post('/webhooks/meta')
        .set('Content-Type', 'application/json')
        .set('X-Hub-Signature-256', `sha256=${signature}`)
        .send(body)
        .expect(200);
    }
    const relayed = await delivered('meta.webhook', 2, ({ object }) => object === 'page');
    expect(relayed.map(({ message }) => message.data['connection_id']).sort()).toEqual([id, null].sort());
    for (const each of relayed) {
      expect(each.body).toContain('"post":17841400000000000123}');
      conforms(each);
    }
  });

  it('for a signup whose code was lost', async () => {
    const session = await createSession(context, { tenant: 'lost', product: 'whatsapp', flow: 'embedded_signup' });
    await request(server()).get(new URL(session.connect_url).pathname).expect(200);
    const value = { event: 'PARTNER_ADDED', waba_info: { waba_id: '7001', owner_business_id: '900' } };
    const entry = [{ id: '900', time: 1, changes: [{ field: 'account_update', value }] }];
    const body = JSON.stringify({ object: 'whatsapp_business_account', entry });
    const signature = createHmac('sha256', context.sandbox.app.secret).update(body).digest('hex');
    await request(server())
      .post('/webhooks/meta')
      .set('Content-Type', 'application/json')
      .set('X-Hub-Signature-256', `sha256=${signature}`)
      .send(body)
      .expect(200);
    context.clock.advance(121);
    await context.replica.app.get(UnfinishedSignupJob).decideDue();
    const [told] = await delivered('connection.unfinished', 1);
    expect(told?.message.data).toMatchObject({ connect_session_id: session.id, tenant: 'lost', waba_id: '7001' });
    for (const each of await delivered('connection.unfinished', 1)) conforms(each);
  });

  it('for a number of the WhatsApp Business app that nobody synchronized', async () => {
    const { make } = context.sandbox.state;
    const businessId = '300000000000401';
    const { id: waba } = make.waba({ businessId });
    const { id: number } = make.phone({ wabaId: waba, isOnBizApp: true });
    const { id: userId } = make.user({ kind: 'system_user', businessId, wabaIds: [waba] });
    const session = await createSession(context, { tenant: 'app', product: 'whatsapp', flow: 'embedded_signup' });
    const scopes = ['whatsapp_business_management', 'whatsapp_business_messaging'];
    const targets = { whatsapp_business_management: [waba] };
    const code = make.code({ userId, fromSdk: true, expiresIn: null, scopes, targets });
    await api(context).post(`/v1/connect-sessions/${session.id}/complete`, { code }).expect(201);
    context.clock.advance(20 * 3_600);
    await context.replica.app.get(SynchronizationNoticeJob).announceDue();
    const [told] = await delivered('connection.synchronization_expiring', 1);
    expect(told?.message.data).toMatchObject({ phone_number_id: number, kinds: ['contacts', 'history'] });
    for (const each of await delivered('connection.synchronization_expiring', 1)) conforms(each);
  });

  it('for a test', async () => {
    await api(context).post(`/v1/subscriptions/${subscriptionId}/test`, {}).expect(200);
    for (const each of await delivered('subscription.test', 1)) conforms(each);
  });
});

describe('a schema', () => {
  const INSTANT = '2026-11-22T12:00:00.000Z';
  const place = { connection_id: 'con_1', tenant: 'acme', product: 'pages' };
  const refreshed = { ...place, status: 'active', credential_id: 'crd_1', credential_version: 2, expires_at: null };
  const body = (data: object, more: object = {}) => ({
    type: 'connection.refreshed',
    timestamp: INSTANT,
    data,
    ...more,
  });
  const takes = (type: string, message: object): boolean => schemas.get(type)?.(message) === true;

  it('exists for every type and one version', async () => {
    expect([...schemas.keys()].sort()).toEqual([
      'app.failing',
      'connection.assets_changed',
      'connection.created',
      'connection.expiring',
      'connection.reauth_required',
      'connection.refreshed',
      'connection.revoked',
      'connection.synchronization_expiring',
      'connection.unfinished',
      'meta.webhook',
      'subscription.test',
    ]);
    for (const version of ['v0', 'v2', 'V1']) {
      const response = await request(server()).get(`/schemas/events/${version}/connection.created`).expect(404);
      expect(response.body).toMatchObject({ code: 'not_found' });
    }
  });

  it('accepts unknown fields, and rejects missing or wrong known ones', () => {
    expect(takes('connection.refreshed', body(refreshed, { id: 'new' }))).toBe(true);
    expect(takes('connection.refreshed', body({ ...refreshed, more: 1 }))).toBe(true);
    for (const name of Object.keys(refreshed)) {
      const { [name as keyof typeof refreshed]: _, ...rest } = refreshed;
      expect([name, takes('connection.refreshed', body(rest))]).toEqual([name, false]);
    }
    const wrong: object[] = [
      { type: 'connection.refreshed', data: refreshed },
      { type: 'connection.refreshed', timestamp: INSTANT },
      body(refreshed, { type: 'connection.created' }),
      body(refreshed, { timestamp: 'yesterday' }),
      body({ ...refreshed, expires_at: 'soon' }),
      body({ ...refreshed, expires_at: 1_795_000_000 }),
      body({ ...refreshed, connection_id: 'crd_1' }),
      body({ ...refreshed, status: 'revoked' }),
      body({ ...refreshed, product: 'tiktok' }),
    ];
    for (const message of wrong) expect([message, takes('connection.refreshed', message)]).toEqual([message, false]);
  });

  it("requires Meta's entry in full, or a mark that it was erased", () => {
    const entry = { connection_id: null, tenant: null, product: null, asset: null, object: 'page', entry: {} };
    const of = (data: object): object => ({ type: 'meta.webhook', timestamp: INSTANT, data });
    expect(takes('meta.webhook', of(entry))).toBe(true);
    expect(takes('meta.webhook', of({ erased: true }))).toBe(true);
    for (const name of Object.keys(entry)) {
      const { [name as keyof typeof entry]: _, ...rest } = entry;
      expect([name, takes('meta.webhook', of(rest))]).toEqual([name, false]);
    }
  });
});
