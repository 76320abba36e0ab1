import { createHmac } from 'node:crypto';
import nodeHttp from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { DEFAULT_GRAPH_API_VERSION } from '../../../src/config/graph-api-version.ts';
import { grantFor, LEASE, META_TOKEN, startTestGateway, type TestGateway } from '../../support/test-gateway.ts';
import { TEST_ENVIRONMENT } from '../../support/test-replica.ts';

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway.close());
beforeEach(() => {
  gateway.seen.length = 0;
  gateway.reported.length = 0;
  gateway.observed.length = 0;
  gateway.json(200, { id: '1', name: 'One' });
});
afterEach(() => {
  for (const call of gateway.seen) {
    expect(call.url).not.toContain(META_TOKEN);
    expect(JSON.stringify(call.headers)).not.toContain(LEASE);
  }
});

const proofOf = (token: string, secret: 'META_APP_SECRET' | 'INSTAGRAM_APP_SECRET' = 'META_APP_SECRET') =>
  createHmac('sha256', TEST_ENVIRONMENT[secret] ?? '')
    .update(token)
    .digest('hex');
const PROOF = proofOf(META_TOKEN);
const http = () => request(gateway.url);
const last = () => gateway.seen.at(-1) as (typeof gateway.seen)[number];

describe('a plain call', () => {
  it('goes to Meta with the real token in the header, the proof, and our version', async () => {
    const response = await http().get('/graph/me?fields=id,name').set('Authorization', `Bearer ${LEASE}`);
    expect(response.status).toBe(200);
    expect(response.body).toEqual({ id: '1', name: 'One' });
    expect(last().url).toBe(
      `/graph.facebook.com/${DEFAULT_GRAPH_API_VERSION}/me?fields=id,name&appsecret_proof=${PROOF}`,
    );
    expect(last().headers.authorization).toBe(`Bearer ${META_TOKEN}`);
    expect(response.headers['cache-control']).toBe('no-store');
    expect(response.headers['x-request-id']).toMatch(/^req_/);
  });

  it.each(['PROPFIND', 'TRACE', 'PURGE'])('is refused with a method that Graph has not: %s', async (method) => {
    const { hostname, port } = new URL(gateway.url);
    const status = await new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${LEASE}` };
      const call = nodeHttp.request({ hostname, port, method, path: '/graph/me', headers });
      call.once('response', (response) => resolve(response.resume().statusCode)).once('error', reject);
      call.end();
    });
    expect([status, gateway.seen]).toEqual([400, []]);
  });

  it.each([
    ['OAuth scheme', (r: request.Test) => r.set('Authorization', `OAuth ${LEASE}`), '/graph/v24.0/me'],
    ['query', (r: request.Test) => r, `/graph/v24.0/me?access_token=${LEASE}`],
    ['query, encoded', (r: request.Test) => r, `/graph/v24.0/me?%61ccess_token=${LEASE}`],
  ])('takes the lease from: %s', async (_, dress, path) => {
    const response = await dress(http().get(path));
    expect(response.status).toBe(200);
    expect(last().url).toBe(`/graph.facebook.com/v24.0/me?appsecret_proof=${PROOF}`);
  });

  it('takes the lease from a form', async () => {
    const response = await http().post('/graph/me/feed').type('form').send({ message: 'a b&c', access_token: LEASE });
    expect(response.status).toBe(200);
    expect(last().body.toString()).toBe('message=a%20b%26c');
    expect(last().headers.authorization).toBe(`Bearer ${META_TOKEN}`);
  });

  it('takes the lease from JSON, and leaves long numbers as they are', async () => {
    const response = await http()
      .post('/graph/v26.0/1/messages')
      .type('json')
      .send(`{"to":12345678901234567890,"access_token":"${LEASE}","nested":{"a":[1.50]}}`);
    expect(response.status).toBe(200);
    expect(last().body.toString()).toBe('{"to":12345678901234567890,"nested":{"a":[1.50]}}');
  });

  it('takes the lease from a field ahead of the first file', async () => {
    const response = await http()
      .post('/graph/1/photos')
      .field('access_token', LEASE)
      .field('caption', 'hé')
      .attach('source', Buffer.from('\x89PNG bytes'), 'a.png');
    expect(response.status).toBe(200);
    const body = last().body.toString('utf8');
    expect(body).not.toContain(LEASE);
    expect(body).toContain('name="caption"\r\n\r\nhé\r\n');
    expect(body).toContain('PNG bytes');
    expect(Number(last().headers['content-length'])).toBe(last().body.length);
  });

  it("replaces a client's own proof", async () => {
    await http().get(`/graph/me?appsecret_proof=abc&appsecret_time=1&a=b&access_token=${LEASE}`);
    expect(last().url).toBe(`/graph.facebook.com/${DEFAULT_GRAPH_API_VERSION}/me?a=b&appsecret_proof=${PROOF}`);
  });

  it('passes a JSON body on as it came where it holds nothing of ours', async () => {
    const text = '{ "messaging_product" : "whatsapp", "to": 1 }';
    await http().post('/graph/1/messages').set('Authorization', `Bearer ${LEASE}`).type('json').send(text);
    expect(last().body.toString()).toBe(text);
    expect(last().headers['content-type']).toBe('application/json');
  });

  it('passes a long JSON body on as a stream, as it came', async () => {
    const text = JSON.stringify({
      name: 'a',
      bytes: 'QUJD'.repeat(500_000),
      nested: { method: 'x', id: [1, { ids: 2 }] },
    });
    const response = await http()
      .post('/graph/act_1/adimages')
      .set('Authorization', `Bearer ${LEASE}`)
      .type('json')
      .send(text);
    expect(response.status).toBe(200);
    expect(last().body.equals(Buffer.from(text))).toBe(true);
    expect(last().headers['content-length']).toBe(String(text.length));
  });

  it('goes to the host of the credential', async () => {
    gateway.grants.set('mtl_ig', grantFor('IGAAtoken1', { kind: 'instagram_user' }));
    gateway.grants.set('mtl_th', grantFor('THAAtoken1', { kind: 'threads_user' }));
    await http().get('/graph/me').set('Authorization', 'Bearer mtl_ig');
    expect(last().url).toBe(
      `/graph.instagram.com/${DEFAULT_GRAPH_API_VERSION}/me?appsecret_proof=${proofOf('IGAAtoken1', 'INSTAGRAM_APP_SECRET')}`,
    );
    await http().get('/graph/v26.0/me').set('Authorization', 'Bearer mtl_th');
    expect(last().url).toBe('/graph.threads.net/v1.0/me');
    expect((await http().post('/rupload/x').set('Authorization', 'Bearer mtl_th')).status).toBe(403);
  });

  it('sends no proof where the app of the token is not the configured one', async () => {
    gateway.grants.set('mtl_old', grantFor('IGAAtoken2', { kind: 'instagram_user', appId: 'another' }));
    expect((await http().get('/graph/me').set('Authorization', 'Bearer mtl_old')).status).toBe(200);
    expect(last().url).toBe(`/graph.instagram.com/${DEFAULT_GRAPH_API_VERSION}/me`);
    const batch = JSON.stringify([{ method: 'GET', relative_url: 'me' }]);
    await http().post('/graph/').set('Authorization', 'Bearer mtl_old').type('form').send({ batch });
    expect(last().body.toString()).not.toContain('appsecret_proof');
  });

  it('tells Meta nothing of traces, and nobody’s baggage', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    await http()
      .get('/graph/me')
      .set({ Authorization: `Bearer ${LEASE}`, traceparent, tracestate: 'a=b,c=d', baggage: 'user=jane' });
    for (const name of ['traceparent', 'tracestate', 'baggage']) expect(last().headers).not.toHaveProperty(name);
  });

  it('reaches the upload and media hosts', async () => {
    const lease = { Authorization: `OAuth ${LEASE}` };
    await http().post('/graph-video/v26.0/1/videos').set(lease);
    expect(last().url).toBe(`/graph-video.facebook.com/v26.0/1/videos?appsecret_proof=${PROOF}`);
    await http()
      .post('/rupload/ig-api-upload/v26.0/1')
      .set({ ...lease, offset: '0' })
      .send('bytes=of&a=file');
    expect(last().url).toBe('/rupload.facebook.com/ig-api-upload/v26.0/1');
    expect(last().headers).toMatchObject({ offset: '0', 'content-type': 'application/octet-stream' });
    await http()
      .get('/graph/lookaside.fbsbx.com/whatsapp/?mid=1')
      .set({ ...lease, Range: 'bytes=0-3' });
    expect(last().url).toBe('/lookaside.fbsbx.com/whatsapp/?mid=1');
    expect(last().headers.range).toBe('bytes=0-3');
  });
});

describe('refusals in the shape of Meta', () => {
  it('of a lease that is not good: 401, code 190', async () => {
    for (const call of [http().get('/graph/me'), http().get('/graph/me').set('Authorization', 'Bearer mtl_nope')]) {
      const response = await call;
      expect(response.status).toBe(401);
      expect(response.headers['www-authenticate']).toBe('Bearer');
      expect(response.headers['cache-control']).toBe('no-store');
      expect(response.body.error).toMatchObject({
        type: 'OAuthException',
        code: 190,
        error_data: { code: 'lease_invalid' },
      });
    }
    expect(gateway.seen).toHaveLength(0);
  });

  it.each([
    ['GET', '/graph/oauth/access_token'],
    ['GET', '/graph/v26.0/oauth/access_token'],
    ['GET', '/graph/%6fauth/access_token'],
    ['GET', '/graph/v26.0/OAuth/revoke'],
    ['GET', '/graph//oauth/access_token'],
    ['GET', '/graph/v26.0/me/..%2foauth'],
    ['GET', '/graph/v26.0/%2e%2e/me'],
    ['GET', '/graph/me%2fpermissions'],
    ['GET', '/graph/me%5cpermissions'],
    ['GET', '/graph/me;a=b'],
    ['GET', '/graph/%EF%BD%8Dauth'],
    ['GET', '/graph/debug_token?input_token=x'],
    ['GET', '/graph/1/access_tokens'],
    ['POST', '/graph/1/system_user_access_tokens'],
    ['GET', '/graph/refresh_access_token'],
    ['DELETE', '/graph/me/permissions'],
    ['DELETE', '/graph/me/permissions/email'],
    ['DELETE', '/graph/ME/Permissions/'],
    ['POST', '/graph/me/permissions?method=delete'],
    ['POST', '/graph/me/permissions?%6Dethod=DELETE'],
    ['GET', '/graph/me/permissions?Method=Delete'],
    ['GET', '/graph/?ids=oauth/access_token'],
    ['GET', '/graph/me?fields=feed.method(delete)'],
    ['GET', '/graph/https://example.com/'],
    ['GET', '/graph/%zz'],
    ['POST', '/graph/v26.0/%E0%A4%A/feed'],
    ['GET', '/graph-video/%'],
    ['GET', '/rupload/%c0%ae%c0%ae/oauth'],
  ])('of what mints, inspects, revokes, or is no plain path: %s %s', async (method, path) => {
    const response = await http()[method.toLowerCase() as 'get'](path).set('Authorization', `Bearer ${LEASE}`);
    expect(response.status).toBe(403);
    expect(response.body.error).toMatchObject({
      type: 'OAuthException',
      code: 200,
      error_data: { code: 'path_not_allowed' },
    });
    expect(gateway.seen).toHaveLength(0);
  });

  it.each([
    ['form', 'application/x-www-form-urlencoded', 'a=b&method=delete'],
    ['form with another name of the type', 'Application/X-WWW-Form-Urlencoded; charset=UTF-8', 'meth%6Fd=DELETE'],
    ['form of an array', 'application/x-www-form-urlencoded', 'method[]=delete'],
    ['JSON', 'application/json', '{"method":"DELETE"}'],
    ['JSON, escaped', 'application/json', String.raw`{"\u006dethod":"delete"}`],
    ['bytes of another kind', 'text/plain', 'method=delete'],
    [
      'multipart field',
      'multipart/form-data; boundary=b',
      '--b\r\nContent-Disposition: form-data; name="method"\r\n\r\ndelete\r\n--b--\r\n',
    ],
    [
      'multipart field behind a file',
      'multipart/form-data; boundary=b',
      '--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nx\r\n--b\r\nContent-Disposition: form-data; name="method"\r\n\r\ndelete\r\n--b--\r\n',
    ],
  ])('of a method in the body: %s', async (_, type, body) => {
    const response = await http()
      .post('/graph/me/permissions')
      .set('Authorization', `Bearer ${LEASE}`)
      .set('Content-Type', type)
      .send(body);
    expect(response.status).toBe(403);
    expect(gateway.seen.filter((call) => call.complete)).toHaveLength(0);
  });

  it('of bodies that cannot be checked: 400, or 413 over 1 MiB', async () => {
    const send = (type: string, body: string, headers = {}) =>
      http()
        .post('/graph/me/feed')
        .set({ Authorization: `Bearer ${LEASE}`, 'Content-Type': type, ...headers })
        .send(body);
    expect((await send('application/json', '{"method":"get","method":"delete"}')).status).toBe(400);
    expect((await send('application/json; charset=utf-16', '{}')).status).toBe(400);
    expect((await send('application/x-www-form-urlencoded', 'a=%zz')).status).toBe(400);
    expect((await send('application/json', '{}', { 'Content-Encoding': 'gzip' })).status).toBe(400);
    expect((await send('multipart/mixed; boundary=b', '--b--')).status).toBe(400);
    const long = 'x'.repeat(1_100_000);
    const larges = [
      await send('application/x-www-form-urlencoded', `a=${long}`),
      await send('application/json', `{"a":"${long}","method":"delete"}`),
      await send('application/json', `{"\\u0062atch":"${long}"}`),
    ];
    for (const large of larges) {
      expect(large.status).toBe(413);
      expect(large.body.error.error_data).toEqual({ code: 'payload_too_large' });
    }
    expect((await send('application/json', `{"a":"${long}"/**/}`)).status).toBe(400);
    expect(gateway.seen.filter(({ complete }) => complete)).toHaveLength(0);
    gateway.seen.length = 0;
    expect(gateway.seen).toHaveLength(0);
  });
});
