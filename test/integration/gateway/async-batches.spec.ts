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
  gateway.grants.set(LEASE, grantFor(META_TOKEN));
  gateway.json(200, { async_sessions: [{ id: '1' }] });
});

type Item = Record<string, unknown>;
const COPY: Item = { method: 'POST', relative_url: '23/copies', name: 'copy', body: 'deep_copy=true' };
const post = (path: string) => request(gateway.url).post(path).set('Authorization', `Bearer ${LEASE}`);

/** Requests that put the items in each place where Meta reads parameters. */
const WAYS: [string, (path: string, name: string, items: string) => request.Test][] = [
  [
    'a form',
    (path, name, items) =>
      post(path)
        .type('form')
        .send({ [name]: items }),
  ],
  ['JSON, as a string', (path, name, items) => post(path).send({ [name]: items })],
  ['JSON', (path, name, items) => post(path).send({ [name]: JSON.parse(items) as unknown })],
  ['a multipart form', (path, name, items) => post(path).field(name, items)],
  ['the query', (path, name, items) => post(`${path}?${new URLSearchParams({ [name]: items })}`)],
];

describe.each(WAYS)('items that Meta works off later, in %s', (_, send) => {
  const asked = (item: Item, name = 'asyncbatch', path = '/graph/v26.0/') => send(path, name, JSON.stringify([item]));

  it('go on as they came', async () => {
    expect((await asked(COPY)).status).toBe(200);
    const [seen] = gateway.seen;
    const brought = decodeURIComponent(`${seen?.url} ${String(seen?.body)}`.replaceAll('+', ' '));
    expect(brought.replaceAll('\\"', '"')).toContain('"relative_url":"23/copies"');
  });

  it.each<[string, Item]>([
    ['a token', { method: 'GET', relative_url: 'oauth/access_token?grant_type=fb_exchange_token' }],
    ['a token, by a version', { relative_url: '/v26.0/debug_token?input_token=x' }],
    ['permissions', { method: 'DELETE', relative_url: 'me/permissions' }],
    ['permissions, in disguise', { method: 'POST', relative_url: 'me/permissions', body: 'method=delete' }],
    ['no plain path', { relative_url: '../x' }],
    ['a batch', { method: 'POST', relative_url: '', body: 'batch=[]' }],
    ['a later batch', { method: 'POST', relative_url: '', body: `asyncbatch=${JSON.stringify([COPY])}` }],
  ])('are refused where they ask for %s', async (_, item) => {
    for (const response of [await asked(item), await asked(item, 'adbatch', '/graph/act_1/async_batch_requests')]) {
      expect([response.status, response.body.error.error_data.code, gateway.seen]).toEqual([
        403,
        'path_not_allowed',
        [],
      ]);
    }
  });

  it('may not bring a token, which would outlive its lease at Meta', async () => {
    for (const brought of [{ relative_url: `me?access_token=${LEASE}` }, { ...COPY, body: `access_token=${LEASE}` }]) {
      expect([(await asked(brought)).status, gateway.seen]).toEqual([400, []]);
    }
  });

  it('are covered one by one where a client is held to paths', async () => {
    gateway.grants.set(LEASE, grantFor(META_TOKEN, { allow: ['POST /*/copies', 'POST /*/async_batch_requests'] }));
    expect((await asked(COPY)).status).toBe(200);
    expect((await asked(COPY, 'adbatch', '/graph/act_1/async_batch_requests')).status).toBe(200);
    gateway.seen.length = 0;
    for (const item of [{ ...COPY, relative_url: '23/ads' }, { relative_url: '23/ads' }]) {
      expect([(await asked(item)).status, gateway.seen]).toEqual([403, []]);
    }
  });
});

it('that nobody can read go nowhere', async () => {
  for (const items of ['{', '{}', '[1]', '"x"']) {
    const response = await post('/graph').type('form').send({ asyncbatch: items });
    expect([response.status, gateway.seen]).toEqual([400, []]);
  }
});

it('that come behind a file, or in a body too long to be read, are refused', async () => {
  const items = JSON.stringify([COPY]);
  const behind = await post('/graph').attach('f', Buffer.from('x'), 'x.txt').field('asyncbatch', items);
  expect(behind.status).toBe(403);
  const long = await post('/graph').send({ asyncbatch: [COPY], filling: 'x'.repeat(1_100_000) });
  expect(long.status).toBe(413);
});
