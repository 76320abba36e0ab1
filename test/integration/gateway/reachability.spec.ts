import net from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DEFAULT_GRAPH_API_VERSION } from '../../../src/config/graph-api-version.ts';
import { grantFor, LEASE, META_TOKEN, startTestGateway, type TestGateway } from '../../support/test-gateway.ts';

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway();
  gateway.grants.set('mtl_threads', grantFor(`THAA${'x1'.repeat(60)}`, { kind: 'threads_user' }));
});
afterAll(() => gateway.close());
beforeEach(() => {
  gateway.seen.length = 0;
  gateway.json(200, { ok: true });
});

interface RawResponse {
  status: number;
  head: string;
  body: string;
}

/** Exactly these bytes: every client library would tidy them up. */
function raw(target: string, options: { method?: string; headers?: string[]; body?: string; lease?: string } = {}) {
  const { method = 'GET', headers = [], body = '', lease = LEASE } = options;
  const lines = [
    `${method} ${target} HTTP/1.1`,
    'Host: gateway.test',
    `Authorization: Bearer ${lease}`,
    'Connection: close',
    ...(body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]),
    ...headers,
  ];
  return new Promise<RawResponse>((resolve, reject) => {
    const socket = net.connect(Number(new URL(gateway.url).port), '127.0.0.1');
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => {
      const [head = '', ...rest] = Buffer.concat(chunks).toString('utf8').split('\r\n\r\n');
      resolve({ status: Number(head.split(' ')[1]), head, body: rest.join('\r\n\r\n') });
    });
    socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`);
  });
}

/** What Meta was called with, host and path; the fake Meta has every host under its name. */
const called = () => gateway.seen.map(({ url }) => url.replace(/[?&]appsecret_proof=\w+/, ''));

describe('addresses that are no plain path', () => {
  it.each([
    '/graph/..',
    '/graph/../v1/clients',
    '/graph/me/../../metrics',
    '/graph/me/..;/x',
    '/graph/%2e%2e/oauth/access_token',
    '/graph/%2e%2e%2foauth%2faccess_token',
    '/graph/.%2e/x',
    '/graph/me%2f..%2foauth',
    '/graph/me%252f..%252foauth',
    '/graph/%252e%252e/x',
    '/graph/me%5c..%5coauth',
    '/graph/me\\..\\oauth',
    '/graph//evil.test/me',
    '/graph///evil.test',
    '/graph/me//oauth/access_token',
    '/graph/https://evil.test/me',
    '/graph/https:%2f%2fevil.test',
    '/graph/me#/oauth',
    '/graph/me%23/oauth',
    '/graph/me%3Faccess_token=x',
    '/graph/me%00',
    '/graph/me%0d%0aHost:evil.test',
    '/graph/%zz',
    '/graph/%c0%ae%c0%ae/x',
    '/graph/%E2%80%AE',
    '/graph/me;v=1',
    '/graph/[::1]/me',
    '/graph/me|oauth',
    '/graph/me%7Coauth',
    '/graph/*',
    '/graph-video/../graph/oauth/access_token',
    '/graph-video//evil.test/x',
    '/rupload/../../x',
    '/rupload/%2e%2e/x',
    '/graph/lookaside.fbsbx.com/../graph.facebook.com/me',
    '/graph/lookaside.fbsbx.com//evil.test/',
  ])('are refused, and go nowhere: %s', async (target) => {
    const response = await raw(target);
    expect([response.status, called()]).toEqual([403, []]);
    expect(JSON.parse(response.body)).toMatchObject({
      error: { type: 'OAuthException', code: 200, error_data: { code: 'path_not_allowed' } },
    });
  });

  it.each([
    'http://evil.test/graph/me',
    'https://graph.facebook.com/me',
    '//evil.test/graph/me',
    '/graphs/me',
    '/Graph/me',
    '/%67raph/me',
    '/graph%2fme',
    '/graph.facebook.com/me',
    '/rupload.facebook.com/x',
  ])('of others are no addresses of the gateway: %s', async (target) => {
    const response = await raw(target);
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(called()).toEqual([]);
  });
});

describe('whatever a client writes', () => {
  it.each([
    ['/graph/@evil.test/me', `/graph.facebook.com/${DEFAULT_GRAPH_API_VERSION}/@evil.test/me`],
    ['/graph/user:pass@evil.test', `/graph.facebook.com/${DEFAULT_GRAPH_API_VERSION}/user:pass@evil.test`],
    ['/graph/evil.test:8080/me', `/graph.facebook.com/${DEFAULT_GRAPH_API_VERSION}/evil.test:8080/me`],
    ['/graph/:80/me', `/graph.facebook.com/${DEFAULT_GRAPH_API_VERSION}/:80/me`],
    ['/graph/v99.9/me', '/graph.facebook.com/v99.9/me'],
    ['/graph/v26.0/v24.0/me', '/graph.facebook.com/v26.0/v24.0/me'],
    ['/graph/graph.instagram.com/me', `/graph.facebook.com/${DEFAULT_GRAPH_API_VERSION}/graph.instagram.com/me`],
    [
      '/graph/me?host=evil.test&url=http://evil.test',
      `/graph.facebook.com/${DEFAULT_GRAPH_API_VERSION}/me?host=evil.test&url=http://evil.test`,
    ],
    ['/graph/me?x=%23frag', `/graph.facebook.com/${DEFAULT_GRAPH_API_VERSION}/me?x=%23frag`],
  ])('stays a path on the host of its credential: %s', async (target, expected) => {
    expect((await raw(target)).status).toBe(200);
    expect(called()).toEqual([expected]);
  });

  it('is no other host, port or method for it in headers either', async () => {
    const names = ['X-Forwarded-Host', 'X-Original-URL', 'X-Rewrite-URL', 'X-Host', 'Forwarded', 'X-Forwarded-For'];
    const headers = [...names.map((name) => `${name}: evil.test`), 'X-HTTP-Method-Override: DELETE', 'Cookie: a=b'];
    await raw('/graph/me/permissions', { headers });
    const [seen] = gateway.seen;
    expect([seen?.method, called()]).toEqual([
      'GET',
      [`/graph.facebook.com/${DEFAULT_GRAPH_API_VERSION}/me/permissions`],
    ]);
    expect(seen?.headers.host).toBe(new URL(gateway.metaUrl).host);
    for (const name of [...names, 'X-HTTP-Method-Override', 'Cookie']) {
      expect(seen?.headers).not.toHaveProperty(name.toLowerCase());
    }
  });

  it('is cut off in front of a second request', async () => {
    const inner = 'GET /graph/oauth/access_token HTTP/1.1\r\nHost: x\r\n\r\n';
    const smuggled = await raw('/graph/me/feed', {
      method: 'POST',
      headers: ['Transfer-Encoding: chunked', 'Content-Length: 6'],
      body: `0\r\n\r\n${inner}`,
    });
    expect(smuggled.status).toBe(400);
    expect(gateway.seen.filter(({ complete }) => complete)).toEqual([]);
  });
});

describe('calls that mint, inspect or revoke tokens', () => {
  const root = '/graph.facebook.com';
  const batch = (item: object) => `batch=${encodeURIComponent(JSON.stringify([item]))}`;
  const nested = { relative_url: `?${batch({ relative_url: 'oauth/access_token' })}`, method: 'POST' };
  const form = ['Content-Type: application/x-www-form-urlencoded'];
  const json = ['Content-Type: application/json'];

  it.each<[string, Parameters<typeof raw>[0], Parameters<typeof raw>[1]]>([
    ['a version ahead', '/graph/v26.0/oauth/access_token?grant_type=fb_exchange_token', {}],
    ['two versions ahead', '/graph/v26.0/v24.0/oauth/access_token', {}],
    ['a slash behind', '/graph/oauth/access_token/', {}],
    ['other case', '/graph/OAuth/Access_Token', {}],
    ['encoded', '/graph/oauth%2Faccess_token', {}],
    ['encoded letters', '/graph/%6f%41uth/access%5Ftoken', {}],
    ['an extension', '/graph/oauth.json/access_token', {}],
    ['inspection', `/graph/debug_token?input_token=${LEASE}`, {}],
    ['a system user', '/graph/123/access_tokens', { method: 'POST', headers: form, body: 'business_app=1&scope=x' }],
    ['an upload host', '/rupload/oauth/access_token', {}],
    ['queries', '/graph/graphql?q=viewer', {}],
    ['the old API', '/graph/method/auth.expireSession', {}],
    ['method= in the query', '/graph/me/permissions?method=delete', { method: 'POST' }],
    ['method= twice', '/graph/me/permissions?method=get&method=delete', { method: 'POST' }],
    ['method= in a form', '/graph/me/permissions', { method: 'POST', headers: form, body: 'method=delete' }],
    ['method= in a form without a type', '/graph/me/permissions', { method: 'POST', body: 'method=delete' }],
    ['method[] in a form', '/graph/me/permissions', { method: 'POST', headers: form, body: 'method%5B0%5D=DELETE' }],
    ['method in JSON', '/graph/me/permissions', { method: 'POST', headers: json, body: '{"method" : "DELETE"}' }],
    ['PUT with method=', '/graph/me/permissions', { method: 'PUT', headers: form, body: 'method=delete' }],
    ['ids=', '/graph/?ids=1,oauth/access_token', {}],
    ['ids= in JSON', '/graph', { method: 'POST', headers: json, body: '{"ids":["me/access_tokens"]}' }],
    ['id=', '/graph/?id=debug_token', {}],
    ['a token under another name', '/graph/me?fields=accounts%7Baccess_token.as(x)%7D', {}],
    ['a method in an expansion', '/graph/me?fields=permissions.method(delete)', {}],
    ['a batch', '/graph', { method: 'POST', headers: form, body: batch({ relative_url: 'oauth/access_token' }) }],
    ['a batch in the query', `/graph/?${batch({ relative_url: 'debug_token' })}`, { method: 'POST' }],
    ['a batch by GET', `/graph/me?${batch({ relative_url: 'debug_token' })}`, {}],
    [
      'a batch on any path',
      '/graph/me/feed',
      { method: 'POST', headers: form, body: batch({ relative_url: 'oauth/x' }) },
    ],
    [
      'a batch in JSON',
      '/graph/v26.0',
      { method: 'POST', headers: json, body: '{"batch":[{"relative_url":"oauth/x"}]}' },
    ],
    ['a batch in a batch', '/graph', { method: 'POST', headers: form, body: batch(nested) }],
    [
      'an item by method=',
      '/graph',
      {
        method: 'POST',
        headers: form,
        body: batch({ method: 'POST', relative_url: 'me/permissions', body: 'method=delete' }),
      },
    ],
    [
      'an item by ids=',
      '/graph',
      { method: 'POST', headers: form, body: batch({ relative_url: '?ids=oauth/access_token' }) },
    ],
    [
      'an item with a slash',
      '/graph',
      { method: 'POST', headers: form, body: batch({ relative_url: '/v26.0/oauth/x/' }) },
    ],
  ])('are refused: %s', async (_, target, options) => {
    const response = await raw(target, options);
    expect([response.status, called()]).toEqual([403, []]);
    expect(JSON.parse(response.body).error.error_data).toEqual({ code: 'path_not_allowed' });
  });

  it('are none where text only looks like it', async () => {
    for (const path of ['/me/permissions', '/me/accounts', '/tokens', '/1/methods']) {
      expect((await raw(`/graph${path}?fields=access_token,accounts%7Baccess_token%7D`)).status).toBe(200);
    }
    expect(called().every((path) => path.startsWith(root))).toBe(true);
  });

  it('are refused to a credential of Threads, which has no upload hosts either', async () => {
    for (const target of ['/graph/refresh_access_token', '/graph/access_token?grant_type=th_exchange_token']) {
      expect((await raw(target, { lease: 'mtl_threads' })).status).toBe(403);
    }
    for (const target of ['/rupload/x', '/graph-video/1/videos', '/graph/lookaside.fbsbx.com/x']) {
      expect((await raw(target, { lease: 'mtl_threads' })).status).toBe(403);
    }
    expect(called()).toEqual([]);
  });
});

it('says nothing but 401 to who has no lease, wherever it knocks', async () => {
  for (const target of [
    '/graph/me',
    '/graph/oauth/access_token',
    '/graph/%zz',
    '/graph/..',
    '/rupload/x',
    '/graph-video',
  ]) {
    const response = await raw(target, { lease: 'mtl_nobody' });
    expect([response.status, JSON.parse(response.body).error.code]).toEqual([401, 190]);
    expect(response.body + response.head).not.toContain(META_TOKEN.slice(0, 20));
  }
  expect(called()).toEqual([]);
});
