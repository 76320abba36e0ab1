import { createHmac } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import type { ConnectionResponse } from '../../src/connections/connection/connection-response.dto.ts';
import { ConnectionEraser } from '../../src/connections/revocation/connection-eraser.ts';
import { api, browseToCallback, createSession } from '../support/connect-test-context.ts';
import { type LifecycleTestContext, openLifecycleTestContext } from '../support/lifecycle-test-context.ts';
import { TEST_ADMIN_KEY } from '../support/test-replica.ts';
import { type Receiver, startReceiver } from '../support/webhook-receiver.ts';

let context: LifecycleTestContext;
let receiver: Receiver;

beforeAll(async () => {
  context = await openLifecycleTestContext();
});
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(async () => {
  const { body } = await api(context).get('/v1/subscriptions').expect(200);
  for (const { id } of (body as { data: { id: string }[] }).data) await api(context).delete(`/v1/subscriptions/${id}`);
  await receiver.close();
});
afterAll(() => context?.close());

const DESCRIBED = { reference: 'shop-1', metadata: { plan: 'pro', region: 'europe', 'a key': '' } };

interface Login {
  tenant: string;
  userId: string;
}

const newUser = (): string => context.sandbox.state.make.user({}).id;
const importAs = ({ tenant, userId }: Login, description: object = {}) => {
  const { accessToken } = context.sandbox.state.make.token({ userId });
  const body = { tenant, product: 'pages', access_token: accessToken, ...description };
  return api(context).post('/v1/connections/import', body);
};
const imported = async (tenant: string, description: object = {}): Promise<ConnectionResponse> =>
  (await importAs({ tenant, userId: newUser() }, description).expect(201)).body as ConnectionResponse;
const patch = (id: string, body: object, of = api(context)) => of.patch(`/v1/connections/${id}`, body);
const clientOf = async (role: string, tenants: string[]) => {
  const body = { name: `a ${role}`, role, tenants, products: ['*'] };
  const created = await api(context).post('/v1/clients', body).expect(201);
  return api(context, (created.body as { api_key: string }).api_key);
};

describe('reference and metadata', () => {
  it('of an import are shown, stay when it is imported again without, and give way to new ones', async () => {
    const login = { tenant: 'again', userId: newUser() };
    const first = (await importAs(login, DESCRIBED).expect(201)).body as ConnectionResponse;
    expect(first).toMatchObject(DESCRIBED);
    const { id } = first;
    expect((await importAs(login).expect(201)).body).toMatchObject({ id, ...DESCRIBED });
    const changed = { reference: 'shop-2', metadata: { plan: 'free' } };
    expect((await importAs(login, changed).expect(201)).body).toMatchObject({ id, reference: 'shop-2' });
    expect((await context.connection(id)).metadata).toEqual({ plan: 'free' });
  });

  it('of a session reach its connection through the browser, and are shown by the session', async () => {
    const { session, browser, callback } = await browseToCallback(context, { tenant: 'browser', ...DESCRIBED });
    const state = await api(context).get(`/v1/connect-sessions/${session.id}`).expect(200);
    expect(state.body).toMatchObject(DESCRIBED);
    expect((await browser.get(callback)).status).toBe(302);
    const { body } = await api(context).get('/v1/connections?tenant=browser').expect(200);
    expect(body).toMatchObject({ data: [DESCRIBED] });
  });

  it('of complete go before those of the session, one by one', async () => {
    const session = await createSession(context, { tenant: 'complete', ...DESCRIBED });
    const code = context.sandbox.state.make.code({ userId: newUser(), fromSdk: true });
    const done = await api(context).post(`/v1/connect-sessions/${session.id}/complete`, { code, reference: 'shop-9' });
    expect(done.status).toBe(201);
    expect(done.body).toMatchObject({ ...DESCRIBED, reference: 'shop-9' });
  });

  it('are null and empty without', async () => {
    expect(await imported('without')).toMatchObject({ reference: null, metadata: {} });
    const session = await createSession(context, { tenant: 'without' });
    const state = await api(context).get(`/v1/connect-sessions/${session.id}`).expect(200);
    expect(state.body).toMatchObject({ reference: null, metadata: null });
  });

  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, 'v']));
  it.each<[string, object, string]>([
    ['a long reference', { reference: 'x'.repeat(201) }, 'reference'],
    ['an empty reference', { reference: '' }, 'reference'],
    ['a reference with a control character', { reference: 'a\u0007b' }, 'reference'],
    ['a number as reference', { reference: 7 }, 'reference'],
    ['too many pairs', { metadata: many(51) }, 'metadata'],
    ['a long key', { metadata: { ['k'.repeat(41)]: 'v' } }, 'metadata'],
    ['an empty key', { metadata: { '': 'v' } }, 'metadata'],
    ['a long value', { metadata: { k: 'v'.repeat(501) } }, 'metadata'],
    ['NUL', { metadata: { k: 'a\u0000b' } }, 'metadata.k'],
    ['half a character', { metadata: { k: '\ud800' } }, 'metadata.k'],
    ['a number', { metadata: { k: 1 } }, 'metadata'],
    ['an object in metadata', { metadata: { k: { deep: 'v' } } }, 'metadata'],
    ['a list as metadata', { metadata: ['v'] }, 'metadata'],
    ['a text as metadata', { metadata: 'v' }, 'metadata'],
  ])('refuse %s everywhere, with its path', async (_, body, path) => {
    const { id } = await imported('refused');
    const session = { tenant: 'refused', product: 'pages', flow: 'facebook_login' };
    for (const response of [
      await patch(id, body),
      await api(context).post('/v1/connect-sessions', { ...session, ...body }),
      await importAs({ tenant: 'refused', userId: newUser() }, body),
    ]) {
      expect([response.status, response.body.code]).toEqual([400, 'invalid_request']);
      expect(response.body.errors).toMatchObject([{ path }]);
    }
    expect(await context.connection(id)).toMatchObject({ reference: null, metadata: {} });
  });

  it('take what is just short enough', async () => {
    const reference = '😀'.repeat(200);
    const pairs = Array.from({ length: 50 }, (_, n) => [`${n}`.padEnd(40, 'k'), '😀'.repeat(500)]);
    const metadata = Object.fromEntries(pairs) as Record<string, string>;
    const { id } = await imported('long', { reference });
    expect((await patch(id, { metadata }).expect(200)).body).toMatchObject({ reference, metadata });
  });
});

describe('PATCH /v1/connections/{id}', () => {
  it('merges, and audits what changed without the values', async () => {
    const { id } = await imported('patched', DESCRIBED);
    const patched = await patch(id, { reference: 'shop-3', metadata: { plan: null, tier: '1' } }).expect(200);
    expect(patched.body).toMatchObject({ id, reference: 'shop-3' });
    expect((patched.body as ConnectionResponse).metadata).toEqual({ region: 'europe', 'a key': '', tier: '1' });
    await patch(id, { metadata: null }).expect(200);
    await patch(id, {}).expect(200);
    await request(context.replica.app.getHttpServer())
      .patch(`/v1/connections/${id}`)
      .set('Authorization', `Bearer ${TEST_ADMIN_KEY}`)
      .expect(200);
    expect(await context.connection(id)).toMatchObject({ reference: 'shop-3', metadata: {} });
    expect(await context.audited('connection.described', id)).toEqual([
      { changed: ['reference', 'metadata'] },
      { changed: ['metadata'] },
    ]);
  });

  it('refuses to merge to more than 50 pairs, and other fields', async () => {
    const pairs = (prefix: string) => Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`${prefix}${n}`, 'v']));
    const { id } = await imported('merged', { metadata: pairs('a') });
    const refused = await patch(id, { metadata: pairs('b') }).expect(400);
    expect(refused.body.errors).toMatchObject([{ path: 'metadata' }]);
    await patch(id, { tenant: 'other' }).expect(400);
    expect((await context.connection(id)).metadata).toEqual(pairs('a'));
  });

  it('is for services and admins whose policy covers the connection', async () => {
    const { id } = await imported('covered');
    await patch(id, { reference: 'a' }, await clientOf('service', ['covered'])).expect(200);
    await patch(id, { reference: 'b' }, await clientOf('service', ['others'])).expect(404);
    await patch(id, { reference: 'b' }, await clientOf('auditor', ['covered'])).expect(403);
    await patch('con_01jd0000000000000000000000', { reference: 'b' }).expect(404);
    expect((await context.connection(id)).reference).toBe('a');
  });
});

describe('GET /v1/connections?reference=', () => {
  it('finds exactly this reference', async () => {
    const { id } = await imported('found', { reference: 'shop 7/ü' });
    await imported('found', { reference: 'shop 7' });
    const found = await api(context)
      .get(`/v1/connections?reference=${encodeURIComponent('shop 7/ü')}`)
      .expect(200);
    expect(found.body).toMatchObject({ data: [{ id }], next_cursor: null });
    expect((await api(context).get('/v1/connections?reference=shop').expect(200)).body).toMatchObject({ data: [] });
    await api(context).get('/v1/connections?reference=').expect(400);
    await api(context)
      .get(`/v1/connections?reference=${'x'.repeat(201)}`)
      .expect(400);
  });
});

describe('events of a described connection', () => {
  const deliver = (pageId: string) => {
    const body = JSON.stringify({ object: 'page', entry: [{ id: pageId, time: 1, changes: [{ field: 'feed' }] }] });
    const signature = createHmac('sha256', context.sandbox.app.secret).update(body).digest('hex');
    return request(context.replica.app.getHttpServer())
      .post('/webhooks/meta')
      .set('Content-Type', 'application/json')
      .set('X-Hub-Signature-256', `sha256=${signature}`)
      .send(body)
      .expect(200);
  };

  it("carry what it was called when they happened, Meta's webhooks as well; erasing removes it", async () => {
    const events = ['connection.created', 'connection.revoked', 'meta.webhook'];
    await api(context)
      .post('/v1/subscriptions', { url: receiver.url, events, tenants: ['notified'] })
      .expect(201);
    const userId = newUser();
    const page = context.sandbox.state.make.page({ userIds: [userId] });
    const { id } = (await importAs({ tenant: 'notified', userId }, DESCRIBED).expect(201)).body as ConnectionResponse;
    await patch(id, { reference: 'shop-5', metadata: { plan: 'free' } }).expect(200);
    await deliver(page.id);
    await api(context).delete(`/v1/connections/${id}`).expect(200);
    const messages = (await receiver.waitFor(3)).map(({ message }) => message);
    const patched = { reference: 'shop-5', metadata: { ...DESCRIBED.metadata, plan: 'free' } };
    expect(messages).toMatchObject([
      { type: 'connection.created', data: { connection_id: id, ...DESCRIBED } },
      { type: 'meta.webhook', data: { connection_id: id, ...patched, entry: { id: page.id } } },
      { type: 'connection.revoked', data: { connection_id: id, ...patched } },
    ]);
    expect(await context.replica.app.get(ConnectionEraser).erase(id, async () => undefined)).toBe(true);
    expect(await context.connection(id)).toMatchObject({ reference: null, metadata: {} });
  });
});
