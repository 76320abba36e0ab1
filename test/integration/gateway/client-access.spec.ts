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
  gateway.grants.set(LEASE, grantFor(META_TOKEN));
  gateway.json(200, { id: '1' });
});

const allowOnly = (...allow: string[]) => gateway.grants.set(LEASE, grantFor(META_TOKEN, { allow }));
const http = () => request(gateway.url);
const bearer = { Authorization: `Bearer ${LEASE}` };

function expectRefused(response: request.Response, code: string): void {
  expect(response.status).toBe(403);
  expect(response.body.error).toMatchObject({ type: 'OAuthException', code: 200, error_data: { code } });
  expect(gateway.seen).toEqual([]);
}

describe('a client that is held to paths', () => {
  it('makes the calls that it may, by every host', async () => {
    allowOnly('GET /*/insights', 'POST /*/messages', 'POST /*/videos', 'POST /rupload/**');
    expect((await http().get('/graph/v24.0/act_1/insights?level=ad').set(bearer)).status).toBe(200);
    expect((await http().post('/graph/1/messages').set(bearer).send({ type: 'text' })).status).toBe(200);
    expect((await http().post('/graph/1/insights?method=get').set(bearer)).status).toBe(200);
    expect((await http().post('/graph-video/1/videos').set(bearer).send({ title: 'x' })).status).toBe(200);
    expect((await http().post('/rupload/ig-api-upload/v26.0/1').set(bearer).send('bytes')).status).toBe(200);
    expect(gateway.seen).toHaveLength(5);
    expect(gateway.refused).toEqual([]);
  });

  it("is refused every other one in Meta's shape, and it is told to the record with its pattern only", async () => {
    allowOnly('GET /*/insights');
    const calls: request.Test[] = [
      http().get('/graph/me'),
      http().get('/graph'),
      http().post('/graph/1/insights'),
      http().get('/graph/1/insights?method=delete'),
      http().post('/graph/1/insights').send({ method: 'DELETE' }),
      http().post('/graph/1/insights').type('form').send({ method: 'DELETE' }),
      http().post('/graph/1/insights').field('method', 'delete').attach('file', Buffer.from('x'), 'x.txt'),
      http().get('/graph?ids=me,1'),
      http().post('/graph?method=get').send({ ids: 'me' }),
      http().delete('/graph/1/insights'),
      http().get('/graph-video/1/videos'),
      http().get('/rupload/1/insights'),
      http().get('/graph/lookaside.fbsbx.com/insights'),
    ];
    for (const call of calls) expectRefused(await call.set(bearer), 'path_not_allowed');
    expect(gateway.refused).toHaveLength(calls.length);
    expect(gateway.refused[0]).toMatchObject({
      kind: 'path_not_allowed',
      source: 'cli_one',
      caller: { clientId: 'cli_one' },
      tenant: 'acme',
      connectionId: 'con_one',
      details: { reason: 'path_not_allowed', route: 'GET /me' },
    });
    expect(JSON.stringify(gateway.refused)).not.toContain(LEASE);
  });

  it('is held to it in each item of a batch, whose one refused item refuses the batch', async () => {
    allowOnly('GET /*/insights');
    const batch = (...items: object[]) => http().post('/graph').set(bearer).send({ batch: items });
    const good = { method: 'GET', relative_url: 'v24.0/act_1/insights?level=ad' };
    expect((await batch(good, good)).status).toBe(200);
    gateway.seen.length = 0;
    for (const bad of [
      { method: 'GET', relative_url: 'me' },
      { method: 'POST', relative_url: 'act_1/insights', body: 'a=b' },
      { method: 'POST', relative_url: 'act_1/insights', body: 'method=delete' },
      { method: 'GET', relative_url: 'act_1/insights?method=delete' },
      { method: 'GET', relative_url: '?ids=me' },
      { method: 'GET', relative_url: '{result=a:$.id}' },
    ]) {
      expectRefused(await batch(good, bad), 'path_not_allowed');
    }
    // `batch` on another path is a batch, but the path counts, too: Meta's handling of it is unknown.
    expectRefused(
      await http()
        .post(`/graph/me?batch=${encodeURIComponent(JSON.stringify([good]))}`)
        .set(bearer),
      'path_not_allowed',
    );
  });

  it('is held in an item with a lease of its own to what that lease may', async () => {
    gateway.grants.set('mtl_other', grantFor(`${META_TOKEN}other`, { allow: ['GET /other'] }));
    const item = (relative_url: string) => ({ method: 'GET', relative_url: `${relative_url}?access_token=mtl_other` });
    const batch = (url: string) =>
      http()
        .post('/graph')
        .set(bearer)
        .send({ batch: [item(url)] });
    expectRefused(await batch('me'), 'path_not_allowed');
    expect((await batch('other')).status).toBe(200);
  });

  it('calls nothing where the list is empty', async () => {
    allowOnly();
    expectRefused(await http().get('/graph/me').set(bearer), 'path_not_allowed');
  });
});

describe('a client that is held to addresses', () => {
  it('is refused from elsewhere before anything else, whatever a header says of the address', async () => {
    gateway.grants.set(LEASE, grantFor(META_TOKEN, { ipAllowList: ['203.0.113.0/24'] }));
    const spoofed = http().get('/graph/debug_token').set(bearer).set('X-Forwarded-For', '203.0.113.7');
    expectRefused(await spoofed, 'address_not_allowed');
    expect(gateway.refused).toMatchObject([{ details: { reason: 'address_not_allowed', address: '127.0.0.1' } }]);
    expectRefused(
      await http().post('/graph/me/feed').type('form').send({ access_token: LEASE }),
      'address_not_allowed',
    );
  });

  it('calls from there', async () => {
    gateway.grants.set(LEASE, grantFor(META_TOKEN, { ipAllowList: ['192.0.2.1', '127.0.0.0/8'] }));
    expect((await http().get('/graph/me').set(bearer)).status).toBe(200);
  });
});
