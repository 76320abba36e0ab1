import { createHash } from 'node:crypto';
import { request as send } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type ConnectTestContext,
  createServiceClient,
  openConnectTestContext,
} from '../support/connect-test-context.ts';
import { TEST_ADMIN_KEY } from '../support/test-replica.ts';

interface Answer {
  status: number | undefined;
  headers: Record<string, unknown>;
  body: string;
}

const ALL = 'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT';

describe('methods and paths', () => {
  let context: ConnectTestContext;
  let port: number;
  beforeAll(async () => {
    context = await openConnectTestContext();
    port = Number(new URL(await context.replica.listen()).port);
  });
  afterAll(() => context.close());

  /** Sends the target as is, because clients would normalize it. */
  const exchange = (method: string, path: string, headers: Record<string, string> = {}, body = ''): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const call = send({ host: '127.0.0.1', port, method, path, headers }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body: text }));
      });
      call.on('error', reject);
      call.end(body);
    });
  const admin = { authorization: `Bearer ${TEST_ADMIN_KEY}` };
  const handshake = (slash: string) =>
    `/webhooks/meta${slash}?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=wrong`;

  it.each([
    '/v1/clients',
    '/v1/connections',
    '/health/live',
    '/openapi.json',
    '/problems/not_found',
    '/meta/config',
    '/v1/keys/rewrap',
  ])('%s is the same with a slash at its end', async (path) => {
    const [without, with_] = [await exchange('GET', path, admin), await exchange('GET', `${path}/`, admin)];
    expect([without.status, with_.status]).toEqual([200, 200]);
    // The use of the key may be recorded in between.
    const [one, other] = [without, with_].map(({ body }) => body.replaceAll(/"last_used_at":("[^"]*"|null)/g, ''));
    expect(other).toBe(one);
  });

  it("takes Meta's callbacks with a slash at their end", async () => {
    expect((await exchange('GET', handshake('/'))).body).toContain('handshake_refused');
    expect((await exchange('POST', '/webhooks/meta/', { 'x-hub-signature-256': 'sha256=00' }, '{}')).status).toBe(401);
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await exchange('POST', '/webhooks/meta/deauthorize/', form, 'signed_request=a.b')).status).not.toBe(404);
  });

  it.each(['/v1//clients', '//v1/clients', '/v1/clients//', '//', '/webhooks//meta'])('%s is nothing', async (path) => {
    expect((await exchange('GET', path, admin)).status).toBe(404);
    expect((await exchange('OPTIONS', path)).status).toBe(404);
  });

  it.each([
    '/v1/clients',
    '/v1/clients/cli_0',
    '/health/live',
    '/docs',
    '/openapi.json',
    '/',
    '/nothing',
    handshake(''),
  ])('HEAD %s has the headers of GET and no body', async (path) => {
    const [get, head] = [await exchange('GET', path, admin), await exchange('HEAD', path, admin)];
    const comparable = ({ status, headers }: Answer) => ({
      status,
      ...headers,
      date: '',
      'x-request-id': '',
      // The request id in a problem does not matter: its length is constant.
    });
    expect(comparable(head)).toEqual(comparable(get));
    expect([head.body, get.body === '']).toEqual(['', false]);
  });

  it.each([
    ['/v1/clients', 'GET, HEAD, OPTIONS, POST'],
    ['/v1/clients/', 'GET, HEAD, OPTIONS, POST'],
    ['/v1/leases', 'GET, HEAD, OPTIONS, POST'],
    ['/v1/leases/lse_0?a=b', 'DELETE, GET, HEAD, OPTIONS'],
    ['/webhooks/meta', 'GET, HEAD, OPTIONS, POST'],
    ['/connect/abc', 'GET, HEAD, OPTIONS, POST'],
    ['/', 'GET, HEAD, OPTIONS'],
    ['/graph/v26.0/me', ALL],
    ['/rupload/x', ALL],
  ])('OPTIONS %s needs no key, and allows %s', async (path, allow) => {
    const origin = { origin: 'https://elsewhere.example', 'access-control-request-method': 'POST' };
    const { status, headers, body } = await exchange('OPTIONS', path, origin);
    expect([status, headers['allow'], body]).toEqual([204, allow, '']);
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    expect(headers['x-request-id']).toBeDefined();
  });

  it('OPTIONS of an unknown path is 404', async () => {
    expect((await exchange('OPTIONS', '/nothing')).status).toBe(404);
  });

  it.each([
    ['PUT', '/v1/clients', 'GET, HEAD, OPTIONS, POST'],
    ['PUT', '/v1/clients/', 'GET, HEAD, OPTIONS, POST'],
    ['HEAD', '/v1/connections/con_0/refresh', 'OPTIONS, POST'],
    ['PATCH', '/webhooks/meta', 'GET, HEAD, OPTIONS, POST'],
    ['PROPFIND', '/health/live', 'GET, HEAD, OPTIONS'],
    ['TRACE', '/', 'GET, HEAD, OPTIONS'],
  ])('%s %s is 405, and names %s', async (method, path, allow) => {
    const { status, headers } = await exchange(method, path, admin);
    expect([status, headers['allow']]).toEqual([405, allow]);
  });

  it('names the path of everything that was made, which can be read there', async () => {
    const json = { ...admin, 'content-type': 'application/json' };
    const post = (path: string, body: object = {}, key = admin.authorization) =>
      exchange('POST', path, { ...json, authorization: key }, JSON.stringify(body));
    const { make } = context.sandbox.state;
    const { id } = make.user({
      kind: 'system_user',
      businessId: '300000000000401',
      adAccountIds: ['act_330000000000404'],
    });
    const token = make.token({ userId: id, scopes: ['ads_management', 'ads_read', 'business_management'] });
    const service = await createServiceClient(context);
    const session = { tenant: 'acme', product: 'ads', flow: 'facebook_login' };
    const subscription = { url: 'https://93.184.216.34/events', events: ['connection.created'] };
    const { id: sessionId } = JSON.parse((await post('/v1/connect-sessions', session)).body) as { id: string };
    const client = { name: 'a client', role: 'service', tenants: ['acme'], products: ['ads'] };
    const given = { tenant: 'acme', product: 'ads', access_token: token.accessToken };
    const made = [
      await post('/v1/connections/import', given),
      await post('/v1/leases', { tenant: 'acme', product: 'ads' }, `Bearer ${service.key}`),
      await post('/v1/connect-sessions', session),
      await post(`/v1/connect-sessions/${sessionId}/complete`, { access_token: token.accessToken }),
      await post('/v1/clients', client),
      await post(`/v1/clients/${service.id}/keys`),
      await post('/v1/subscriptions', subscription),
      await post('/v1/keys/rotate'),
    ];
    expect(made.map(({ status }) => status)).toEqual(made.map(() => 201));
    for (const { headers, body } of made) {
      const location = String(headers['location']);
      const shown = await exchange('GET', location, admin);
      const { id: idOf, lease_id: leaseId } = JSON.parse(body) as { id?: string; lease_id?: string };
      expect([shown.status, location]).toEqual([200, expect.stringContaining(idOf ?? leaseId ?? service.id)]);
    }
    const rotated = await post(`${String(made[6]?.headers['location'])}/rotate-secret`);
    expect(rotated.headers['location']).toBe(made[6]?.headers['location']);
  });

  it('leads from / to the documentation: a page under a strict policy, or JSON', async () => {
    const page = await exchange('GET', '/', { accept: 'text/html,*/*' });
    expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    const style = /<style>(.*)<\/style>/s.exec(page.body)?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    expect(page.headers['content-security-policy']).toContain(`style-src 'sha256-${hash}'`);
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
    const links = [...page.body.matchAll(/href="\.(\/[^"]*)"/g)].map(([, path]) => path);
    expect(links).toEqual(['/console', '/docs', '/openapi.json', '/health/ready', '/problems']);
    for (const path of links) expect([path, (await exchange('GET', String(path))).status]).toEqual([path, 200]);
    const json = await exchange('GET', '/', { accept: 'application/json' });
    expect(JSON.parse(json.body)).toEqual({
      console: '/console',
      docs: '/docs',
      openapi: '/openapi.json',
      health: '/health/ready',
      problems: '/problems',
    });
    expect([page.headers['vary'], json.headers['vary']]).toEqual(['Accept', 'Accept']);
  });
});
