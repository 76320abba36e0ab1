import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { grantFor, LEASE, META_TOKEN, startTestGateway, type TestGateway } from '../../support/test-gateway.ts';

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway.close());
beforeEach(() => {
  gateway.seen.length = 0;
  gateway.refused.length = 0;
  gateway.coexistenceNumbers.length = 0;
  gateway.statements.count = 0;
  gateway.grants.set(LEASE, grantFor(META_TOKEN, { product: 'whatsapp' }));
  gateway.json(200, { success: true });
});

const bearer = { Authorization: `Bearer ${LEASE}` };
const http = () => request(gateway.url);
const ELSEWHERE = 'https://elsewhere.test/hook';
type Parameters = Record<string, string>;

/** Every place where Meta reads the parameters of one call. */
const PLACES: [string, (path: string, parameters: Parameters) => request.Test][] = [
  ['the query', (path, parameters) => http().post(`/graph${path}?${new URLSearchParams(parameters)}`)],
  ['a form', (path, parameters) => http().post(`/graph${path}`).type('form').send(parameters)],
  ['JSON', (path, parameters) => http().post(`/graph${path}`).send(parameters)],
  [
    'JSON with escapes',
    (path, parameters) =>
      http().post(`/graph${path}`).type('json').send(JSON.stringify(parameters).replaceAll('o', String.raw`\u006f`)),
  ],
  [
    'multipart fields',
    (path, parameters) => {
      const call = http().post(`/graph${path}`);
      for (const [name, value] of Object.entries(parameters)) void call.field(name, value);
      return call;
    },
  ],
  [
    'multipart fields behind a file',
    (path, parameters) => {
      const call = http().post(`/graph${path}`).attach('file', Buffer.from('x'), 'x.txt');
      for (const [name, value] of Object.entries(parameters)) void call.field(name, value);
      return call;
    },
  ],
  [
    'bytes of another kind',
    (path, parameters) =>
      http()
        .post(`/graph${path}`)
        .type('text/plain')
        .send(`${new URLSearchParams(parameters)}`),
  ],
  [
    'the query of a batch item',
    (path, parameters) =>
      batch({ method: 'POST', relative_url: `${path.slice(1)}?${new URLSearchParams(parameters)}` }),
  ],
  [
    'the form of a batch item',
    (path, parameters) =>
      batch({ method: 'POST', relative_url: path.slice(1), body: `${new URLSearchParams(parameters)}` }),
  ],
  [
    'the JSON of a batch item',
    (path, parameters) => batch({ method: 'POST', relative_url: path.slice(1), body: parameters }),
  ],
  [
    'an item of asyncbatch',
    (path, parameters) =>
      http()
        .post('/graph/v26.0/')
        .type('form')
        .send({
          asyncbatch: JSON.stringify([
            { method: 'POST', relative_url: path.slice(1), name: 'a', body: `${new URLSearchParams(parameters)}` },
          ]),
        }),
  ],
  [
    'an item of adbatch',
    (path, parameters) =>
      http()
        .post('/graph/')
        .send({ adbatch: [{ relative_url: `${path.slice(1)}?${new URLSearchParams(parameters)}` }] }),
  ],
];
const batch = (...items: object[]) =>
  http()
    .post('/graph')
    .type('form')
    .send({ batch: JSON.stringify(items) });

async function expectRefused(call: request.Test): Promise<string> {
  const { status, body } = await call.set(bearer);
  expect(body.error).toMatchObject({ type: 'OAuthException', code: 200, error_data: { code: 'path_not_allowed' } });
  expect(status).toBe(403);
  // A streamed body may have been begun before its last field was seen.
  expect(gateway.seen.filter(({ complete }) => complete)).toEqual([]);
  return body.error.message as string;
}

describe.each(PLACES)('in %s', (_, send) => {
  it.each<[string, string, Parameters]>([
    ['an override on an account', '/123/subscribed_apps', { override_callback_uri: ELSEWHERE, verify_token: 'v' }],
    [
      'an override on a number',
      '/456',
      { webhook_configuration: JSON.stringify({ override_callback_uri: ELSEWHERE }) },
    ],
    ['the address of a number', '/v26.0/456', { webhook_url: ELSEWHERE }],
    ['an unsubscription by method=', '/123/subscribed_apps', { method: 'delete' }],
    ['a subscription of the app', '/789/subscriptions', { object: 'page', callback_url: ELSEWHERE }],
    ['its deletion', '/app/subscriptions', { method: 'delete', object: 'page' }],
    ['the callback of the app', '/789', { deauth_callback_url: ELSEWHERE }],
    ['a Page without webhooks', '/321', { is_webhooks_subscribed: 'false' }],
  ])('%s is refused', async (_what, path, parameters) => {
    await expectRefused(send(path, parameters));
  });
});

it('a plain subscription passes, alone and in a batch', async () => {
  const parameters = { subscribed_fields: 'messages' };
  expect((await http().post('/graph/123/subscribed_apps').set(bearer)).status).toBe(200);
  expect((await http().post('/graph/123/subscribed_apps').set(bearer).send(parameters)).status).toBe(200);
  expect((await http().post('/graph/123/subscribed_apps').set(bearer).type('form').send(parameters)).status).toBe(200);
  expect((await http().get('/graph/123/subscribed_apps').set(bearer)).status).toBe(200);
  expect((await http().get('/graph/456?fields=webhook_configuration').set(bearer)).status).toBe(200);
  expect((await batch({ method: 'POST', relative_url: '123/subscribed_apps' }).set(bearer)).status).toBe(200);
  expect(gateway.seen).toHaveLength(6);
  expect(gateway.refused).toEqual([]);
});

it('a message that only speaks of webhooks goes on as it came', async () => {
  const text = '{ "text": {"body": "our webhook, and override uri"}, "webhook" : 1 }';
  await http().post('/graph/456/messages').set(bearer).type('json').send(text);
  expect(gateway.seen[0]?.body.toString()).toBe(text);
});

it('the refusal is told to the client with its reason, and to the record with the route', async () => {
  const message = await expectRefused(http().delete('/graph/v26.0/123/subscribed_apps'));
  expect(message).toMatch(/end Meta's webhooks.*allow/s);
  expect(gateway.refused).toMatchObject([
    { kind: 'path_not_allowed', caller: { clientId: 'cli_one' }, details: { reason: 'path_not_allowed' } },
  ]);
  expect(JSON.stringify(gateway.refused)).not.toContain(ELSEWHERE);
});

it.each([
  'DELETE /graph/123/%73ubscribed_apps',
  'DELETE /graph/v26.0/me/SUBSCRIBED_APPS/',
  'DELETE /graph/subscribed_apps?ids=1,2',
  'DELETE /graph?id=123/subscribed_apps',
  'DELETE /graph/app/subscriptions',
  'PUT /graph/789/subscriptions',
  'DELETE /graph-video/123/subscribed_apps',
  // These would be sent as a POST.
  'GET /graph/789/subscriptions?callback_url=x&batch=[]',
  'GET /graph/123/subscribed_apps?override_callback_uri=x&batch=[]',
])('%s is refused', async (line) => {
  const [method = '', path = ''] = line.split(' ');
  await expectRefused(http()[method.toLowerCase() as 'delete'](path));
});

describe('an allow list', () => {
  const allowing = (...allow: string[]): void => {
    gateway.grants.set(LEASE, grantFor(META_TOKEN, { product: 'whatsapp', allow }));
  };
  const override = () => http().post('/graph/123/subscribed_apps').send({ override_callback_uri: ELSEWHERE });

  it('that names the path lets the client move and end webhooks', async () => {
    allowing('POST /*/subscribed_apps', 'DELETE /*/subscribed_apps', 'POST /456');
    expect((await override().set(bearer)).status).toBe(200);
    expect((await http().delete('/graph/123/subscribed_apps').set(bearer)).status).toBe(200);
    const number = http()
      .post('/graph/456')
      .send({ webhook_configuration: { override_callback_uri: ELSEWHERE } });
    expect((await number.set(bearer)).status).toBe(200);
    const item = { method: 'DELETE', relative_url: '123/subscribed_apps' };
    expect((await batch(item).set(bearer)).status).toBe(200);
    expect(gateway.seen).toHaveLength(4);
  });

  it.each([[['ANY /**']], [['ANY /*', 'ANY /*/*']], [['POST /*/subscribed_*']]])(
    'with wildcards only (%j) does not',
    async (allow) => {
      allowing(...allow);
      await expectRefused(override());
      await expectRefused(batch({ method: 'DELETE', relative_url: '123/subscribed_apps' }));
      await expectRefused(http().post('/graph/456').send({ webhook_configuration: {} }));
    },
  );

  it('counts for each item with a lease of its own', async () => {
    allowing('DELETE /*/subscribed_apps');
    gateway.grants.set('mtl_other', grantFor(`${META_TOKEN}other`));
    const item = { method: 'DELETE', relative_url: '123/subscribed_apps?access_token=mtl_other' };
    await expectRefused(batch(item));
  });
});

describe('a number of the WhatsApp Business app', () => {
  const register = (path = '/graph/77/register') =>
    http().post(path).send({ messaging_product: 'whatsapp', pin: '123456' });
  const expectNotRegistered = async (call: request.Test): Promise<void> => {
    const { status, body } = await call.set(bearer);
    expect([status, gateway.seen]).toEqual([403, []]);
    expect(body.error).toMatchObject({
      type: 'OAuthException',
      code: 200,
      message: expect.stringContaining('coexistence'),
      error_data: { code: 'registration_not_allowed' },
    });
  };
  beforeEach(() => void gateway.coexistenceNumbers.push('77'));

  it('is not registered, however the call is made', async () => {
    await expectNotRegistered(register());
    await expectNotRegistered(register('/graph/v26.0/77/%52egister/'));
    await expectNotRegistered(register('/graph/register?ids=77'));
    await expectNotRegistered(http().get('/graph/77/register?method=post'));
    await expectNotRegistered(http().get('/graph/77/register?pin=123456&batch=[]'));
    await expectNotRegistered(batch({ method: 'POST', relative_url: '77/register', body: 'pin=123456' }));
    await expectNotRegistered(
      batch(
        { method: 'GET', relative_url: '5/phone_numbers', name: 'numbers' },
        { method: 'POST', relative_url: '{result=numbers:$.data.0.id}/register', body: 'pin=123456' },
      ),
    );
    const later = JSON.stringify([{ method: 'POST', relative_url: '77/register', name: 'a', body: 'pin=123456' }]);
    await expectNotRegistered(http().post('/graph/').type('form').send({ asyncbatch: later }));
  });

  it('may be called for anything else, and other numbers may be registered', async () => {
    expect((await register('/graph/78/register').set(bearer)).status).toBe(200);
    expect((await http().post('/graph/77/deregister').set(bearer)).status).toBe(200);
    expect((await http().post('/graph/77/messages').set(bearer).send({ to: '1' })).status).toBe(200);
    expect(gateway.seen).toHaveLength(3);
  });

  it('costs a statement for calls that register, and none for others', async () => {
    for (const path of ['/graph/77/messages', '/graph/77', '/graph/5/subscribed_apps'])
      await http().post(path).set(bearer);
    await http().get('/graph/77/register').set(bearer);
    expect(gateway.statements.count).toBe(0);
    await register('/graph/78/register').set(bearer);
    expect(gateway.statements.count).toBe(1);
  });
});
