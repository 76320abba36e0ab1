import http from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { api, createServiceClient } from '../support/connect-test-context.ts';
import {
  type GatewayTestContext,
  type ImportedToken,
  type Lease,
  META_TOKEN_FORM,
  openGatewayTestContext,
} from '../support/gateway-test-context.ts';
import { until } from '../support/until.ts';

let context: GatewayTestContext;

beforeAll(async () => {
  context = await openGatewayTestContext();
});
afterAll(() => context.close());

interface GraphBody {
  id?: string;
  name?: string;
  access_token?: string;
  data?: { id: string; access_token?: string }[];
  paging?: { next?: string };
  error?: { error_data?: { code: string } };
}

async function graph(token: string, path: string, replicaUrl = context.url, headers: Record<string, string> = {}) {
  const response = await fetch(replicaUrl + path, { headers: { ...headers, authorization: `Bearer ${token}` } });
  const text = await response.text();
  expect(text).not.toMatch(META_TOKEN_FORM);
  const body = (text === '' ? {} : JSON.parse(text)) as GraphBody;
  return { status: response.status, etag: response.headers.get('etag'), body };
}

interface Family {
  metaUser: ImportedToken;
  clientId: string;
  key: string;
  parent: Lease;
  /** From the response to the parent's call for the Pages. */
  child: string;
  /** From the response to a batch by the child. */
  grandchild: string;
}

/** A user with two Pages, a client of its own, and the leases in its responses. */
async function family(): Promise<Family> {
  const { make } = context.sandbox.state;
  const user = make.user();
  for (const _ of [1, 2]) make.page({ userIds: [user.id] });
  const metaUser = await context.importToken('pages', { userId: user.id });
  const { id: clientId, key } = await createServiceClient(context, { tenants: ['acme'], products: ['pages'] });
  const parent = await takeLease(key, metaUser);
  const child = await pageLease(parent.access_token);
  // The child requests the batch, and its item the Pages with the parent.
  const form = new FormData();
  form.set('batch', JSON.stringify([{ relative_url: `me/accounts?access_token=${parent.access_token}` }]));
  const response = await fetch(`${context.secondUrl}/graph/`, {
    method: 'POST',
    headers: { authorization: `Bearer ${child}` },
    body: form,
  });
  const [item] = (await response.json()) as { body: string }[];
  const grandchild = (JSON.parse(item?.body ?? '{}') as GraphBody).data?.[1]?.access_token ?? '';
  return { metaUser, clientId, key, parent, child, grandchild };
}

async function takeLease(key: string, { connectionId }: ImportedToken): Promise<Lease> {
  const body = { tenant: 'acme', product: 'pages', connection_id: connectionId };
  return (await api(context, key).post('/v1/leases', body)).body as Lease;
}

async function pageLease(token: string): Promise<string> {
  const { body } = await graph(token, '/graph/me/accounts');
  return body.data?.[0]?.access_token ?? '';
}

async function statusOnBoth(token: string): Promise<number[]> {
  const responses = await Promise.all([context.url, context.secondUrl].map((url) => graph(token, '/graph/me', url)));
  return responses.map(({ status }) => status);
}

async function isActive(key: string, token: string): Promise<boolean> {
  const { body } = await api(context, key).post('/v1/leases/introspect', { token });
  return (body as { active: boolean }).active;
}

describe('a lease issued in a response', () => {
  const endings: [string, (of: Family) => Promise<unknown>][] = [
    ['was ended', ({ key, parent }) => api(context, key).delete(`/v1/leases/${parent.lease_id}`).expect(204)],
    ['lost its connection', ({ metaUser }) => api(context).delete(`/v1/connections/${metaUser.connectionId}`)],
    ['lost its client', ({ clientId }) => api(context).delete(`/v1/clients/${clientId}`)],
  ];

  it.each(endings)('ends on every replica with the next call after its parent %s', async (_, end) => {
    const leases = await family();
    for (const token of [leases.child, leases.grandchild]) expect(await statusOnBoth(token)).toEqual([200, 200]);
    await end(leases);
    for (const token of [leases.parent.access_token, leases.child, leases.grandchild])
      expect(await statusOnBoth(token)).toEqual([401, 401]);
  });

  it('is inactive by introspection, expires with its parent, and ends with the one between, too', async () => {
    const { key, parent, child, grandchild } = await family();
    const childId = `lse_${child.slice(4, 30)}`;
    const record = await api(context, key).get(`/v1/leases/${childId}`);
    const of = await api(context, key).get(`/v1/leases/${parent.lease_id}`);
    expect(record.body).toMatchObject({ status: 'active', expires_at: (of.body as { expires_at: string }).expires_at });
    await api(context, key).delete(`/v1/leases/${childId}`).expect(204);
    const all = [parent.access_token, child, grandchild];
    expect(await Promise.all(all.map((token) => isActive(key, token)))).toEqual([true, false, false]);
    expect(await statusOnBoth(grandchild)).toEqual([401, 401]);
    const other = await pageLease(parent.access_token);
    expect(await isActive(key, other)).toBe(true);
    await api(context, key).delete(`/v1/leases/${parent.lease_id}`).expect(204);
    expect(await isActive(key, other)).toBe(false);
  });

  it('is cut off in a running upload on another replica when its parent ends', async () => {
    const { key, parent, grandchild } = await family();
    const uploaded = new Promise<string>((resolve) => {
      const request = http.request(`${context.secondUrl}/rupload/ig-api-upload/v26.0/1`, {
        method: 'POST',
        headers: { authorization: `OAuth ${grandchild}`, offset: '0', 'content-length': 500_000_000 },
      });
      const send = setInterval(() => request.write(Buffer.alloc(10_000)), 20);
      const over = (how: string): void => {
        clearInterval(send);
        request.destroy();
        resolve(how);
      };
      request.on('error', () => over('cut'));
      request.on('response', (response) => over(String(response.statusCode)));
    });
    const running = async (count: number) => {
      const metrics = await (await fetch(`${context.secondUrl}/metrics`)).text();
      return metrics.includes(`metavault_gateway_calls{state="running"} ${count}`);
    };
    await until(() => running(1));
    await api(context, key).delete(`/v1/leases/${parent.lease_id}`).expect(204);
    expect(['cut', '401']).toContain(await uploaded);
    await until(() => running(0));
  });
});

describe('a cached response', () => {
  it('gives no link with another lease: in full and without an ETag if it has links, 304 if not', async () => {
    const { key, metaUser, parent } = await family();
    const path = '/graph/me/accounts?fields=name&limit=1';
    const first = await graph(parent.access_token, path);
    const link = first.body.paging?.next ?? '';
    expect([first.etag, link.includes(parent.access_token)]).toEqual([null, true]);
    const plain = await graph(parent.access_token, '/graph/me?fields=id,name');
    expect(plain.etag).toMatch(/^"[0-9a-f]{40}"$/);
    await api(context, key).delete(`/v1/leases/${parent.lease_id}`).expect(204);

    const { access_token } = await takeLease(key, metaUser);
    const condition = { 'if-none-match': `${plain.etag}` };
    const again = await graph(access_token, '/graph/me?fields=id,name', context.secondUrl, condition);
    expect([again.status, again.etag]).toEqual([304, plain.etag]);
    const { pathname, search } = new URL(link);
    for (const followed of [path, pathname + search]) {
      const response = await graph(access_token, followed, context.secondUrl, condition);
      expect(response.status).toBe(200);
      expect(JSON.stringify(response.body)).not.toContain(parent.access_token);
    }
    expect((await graph(access_token, path)).body.paging?.next).toContain(access_token);
  });
});
