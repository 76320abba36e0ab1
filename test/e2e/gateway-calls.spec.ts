import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { DEFAULT_GRAPH_API_VERSION } from '../../src/config/graph-api-version.ts';
import { UsageRecorder } from '../../src/gateway/usage-recorder.ts';
import { api, createServiceClient } from '../support/connect-test-context.ts';
import {
  type ImportedConnection,
  type LifecycleTestContext,
  openLifecycleTestContext,
} from '../support/lifecycle-test-context.ts';
import type { TestReplica } from '../support/test-replica.ts';
import { until } from '../support/until.ts';

let context: LifecycleTestContext;
let second: TestReplica;
let serviceKey: string;
let metaUser: ImportedConnection;
const tokens: string[] = [];

interface Lease {
  lease_id: string;
  access_token: string;
  graph_base_url: string;
}

beforeAll(async () => {
  context = await openLifecycleTestContext();
  second = await context.startAnotherReplica();
  serviceKey = (await createServiceClient(context, { tenants: ['acme'], products: ['pages', 'instagram', 'threads'] }))
    .key;
  metaUser = await context.importConnection({ pages: 5 });
  tokens.push(metaUser.token);
});
afterAll(() => context?.close());
beforeEach(() => context.sandbox.state.faults.clear());

async function lease(body: Record<string, unknown> = {}): Promise<Lease> {
  const response = await api(context, serviceKey).post('/v1/leases', { tenant: 'acme', product: 'pages', ...body });
  expect(response.status).toBe(201);
  return response.body as Lease;
}

/** A call like an SDK's; every response is searched for secrets. */
async function graph(
  token: string,
  path: string,
  shape: (call: request.Test) => request.Test = (call) => call,
  replica = context.replica,
) {
  return check(await shape(request(replica.app.getHttpServer()).get(path).set('Authorization', `Bearer ${token}`)));
}

async function post(token: string, path: string, body: string | object, type = 'form') {
  return check(
    await request(context.replica.app.getHttpServer())
      .post(path)
      .set('Authorization', `Bearer ${token}`)
      .type(type)
      .send(body),
  );
}

function check(response: request.Response): request.Response {
  const all = JSON.stringify(response.headers) + response.text;
  expect(all).not.toMatch(/EAA[A-Za-z0-9]{20}|IGAA[A-Za-z0-9]{20}|THAA[A-Za-z0-9]{20}/);
  for (const token of tokens) expect(all).not.toContain(token.slice(10, 60));
  expect(response.headers['cache-control']).toBe('no-store');
  expect(response.headers['x-request-id']).toBeDefined();
  return response;
}

/** Where paging links point. */
const GRAPH = `http://localhost:3000/graph/${DEFAULT_GRAPH_API_VERSION}`;

describe('a lease at the gateway', () => {
  it('reads its own user', async () => {
    const { access_token, graph_base_url } = await lease({ connection_id: metaUser.id });
    expect(graph_base_url).toBe('http://localhost:3000/graph');
    const response = await graph(access_token, '/graph/v26.0/me?fields=id,name');
    expect(response.status).toBe(200);
    expect(response.body.id).toBe(metaUser.userId);
    expect(response.headers['facebook-api-version']).toBe('v26.0');
    expect(response.headers['content-security-policy']).toBeUndefined();
    expect(response.headers['x-content-type-options']).toBe('nosniff');
    const seen = context.sandbox.state.log.list().at(-1);
    expect(seen).toMatchObject({ tokenPlace: 'header', appsecretProof: true });
  });

  it('lists Pages with working leases in place of their tokens, across paging', async () => {
    const { access_token } = await lease({ connection_id: metaUser.id });
    const seen: { id: string; access_token: string }[] = [];
    let path: string | null = '/graph/me/accounts?limit=2';
    while (path !== null) {
      const response: request.Response = await graph(access_token, path);
      expect(response.status).toBe(200);
      seen.push(...(response.body.data as typeof seen));
      const next = response.body.paging?.next as string | undefined;
      if (next !== undefined) expect(next).toMatch(new RegExp(`^${GRAPH}/.*access_token=mtl_`));
      path = next === undefined ? null : next.slice('http://localhost:3000'.length);
    }
    expect(seen.map(({ id }) => id).sort()).toEqual([...metaUser.pageIds].sort());
    for (const page of seen) {
      expect(page.access_token).toMatch(/^mtl_/);
      const me = await graph(page.access_token, '/graph/me');
      expect(me.body.id).toBe(page.id);
    }
  });

  it('recognizes a Page whose token changes on every read, in lists, expansions and batches', async () => {
    context.sandbox.state.patchSettings({ pageTokens: 'fresh' });
    try {
      const { access_token } = await lease({ connection_id: metaUser.id });
      const stranger = context.sandbox.state.make.page({ userIds: [metaUser.userId] });
      const listed = (await graph(access_token, '/graph/me/accounts')).body.data as {
        id: string;
        access_token?: string;
      }[];
      expect(listed).toHaveLength(6);
      for (const page of listed) {
        if (page.id === stranger.id) expect(page).not.toHaveProperty('access_token');
        else expect((await graph(page.access_token ?? '', '/graph/me')).body.id).toBe(page.id);
      }
      const batch = JSON.stringify([
        { method: 'GET', relative_url: `${metaUser.pageIds[1]}?fields=name,access_token` },
      ]);
      const [item] = (await post(access_token, '/graph', { batch })).body as { body: string }[];
      const inBatch = JSON.parse(item?.body ?? '') as { access_token: string };
      expect((await graph(inBatch.access_token, '/graph/me')).body.id).toBe(metaUser.pageIds[1]);
      context.sandbox.state.removePageRole(metaUser.userId, stranger.id);
    } finally {
      context.sandbox.state.patchSettings({ pageTokens: 'same' });
    }
  });

  it("also returns a single page's token as a lease", async () => {
    const { access_token } = await lease({ connection_id: metaUser.id });
    const response = await graph(access_token, `/graph/${metaUser.pageIds[0]}?fields=access_token,id`);
    expect(response.status).toBe(200);
    expect(response.body).toEqual({ access_token: expect.stringMatching(/^mtl_/), id: metaUser.pageIds[0] });
  });

  it.each(['form', 'JSON array', 'JSON string'])('carries a batch: %s', async (shape) => {
    const user = await lease({ connection_id: metaUser.id });
    const pageId = metaUser.pageIds[0] ?? '';
    const page = await lease({ connection_id: metaUser.id, asset_id: pageId });
    const items = [
      { method: 'GET', relative_url: 'me?fields=id' },
      { method: 'GET', relative_url: `me?fields=id&access_token=${page.access_token}` },
      { method: 'GET', relative_url: 'me/accounts?limit=1' },
      { method: 'GET', relative_url: 'nothing/of/the/kind' },
    ];
    const response =
      shape === 'form'
        ? await post(user.access_token, '/graph', { batch: JSON.stringify(items) })
        : await check(
            await request(context.replica.app.getHttpServer())
              .post(`/graph/v26.0?access_token=${user.access_token}`)
              .send({ batch: shape === 'JSON array' ? items : JSON.stringify(items) }),
          );
    expect(response.status).toBe(200);
    const [me, pageMe, accounts, wrong] = response.body as { code: number; body: string }[];
    expect(JSON.parse(me?.body ?? '')).toEqual({ id: metaUser.userId });
    expect(JSON.parse(pageMe?.body ?? '')).toEqual({ id: pageId });
    const listed = JSON.parse(accounts?.body ?? '') as { data: { access_token: string }[]; paging: { next: string } };
    expect(listed.data[0]?.access_token).toMatch(/^mtl_/);
    expect(listed.paging.next).toMatch(new RegExp(`^${GRAPH}/`));
    expect(wrong?.code).toBe(400);
  });

  it.each([
    [{ method: 'DELETE', relative_url: 'me/permissions' }],
    [{ method: 'POST', relative_url: 'me/permissions', body: 'method=delete' }],
    [{ method: 'GET', relative_url: '/v26.0/oauth/access_token?grant_type=fb_exchange_token' }],
    [{ method: 'GET', relative_url: 'https://graph.facebook.com/me' }],
    [{ method: 'GET', relative_url: 'debug%5Ftoken?input_token=x' }],
    [{ method: 'POST', relative_url: 'me/feed', body: 'batch=[]' }],
    [{ method: 'GET', relative_url: '{result=a:$.message}' }],
  ])('rejects a batch for one item: %j', async (item) => {
    const { access_token } = await lease({ connection_id: metaUser.id });
    const before = context.sandbox.state.log.list().length;
    for (const path of ['/graph', '/graph/v26.0/', '/graph/me/feed']) {
      const response = await post(access_token, path, {
        batch: JSON.stringify([{ method: 'GET', relative_url: 'me' }, item]),
      });
      expect(response.status).toBe(403);
      expect(response.body.error.error_data).toEqual({ code: 'path_not_allowed' });
    }
    expect(context.sandbox.state.log.list()).toHaveLength(before);
  });

  it('works for Instagram and Threads, on their own hosts', async () => {
    for (const [kind, product] of [
      ['instagram_user', 'instagram'],
      ['threads_user', 'threads'],
    ] as const) {
      const importConnection = await context.importConnection({ kind });
      const { access_token } = await lease({ product, connection_id: importConnection.id });
      const response = await graph(access_token, '/graph/v26.0/me?fields=id,username');
      expect(response.status).toBe(200);
      expect(context.sandbox.state.log.list().at(-1)?.host).toBe(
        kind === 'instagram_user' ? 'graph.instagram.com' : 'graph.threads.net',
      );
    }
  });
});

describe('endings', () => {
  it('of a lease apply to the next call, on every replica', async () => {
    const { access_token, lease_id } = await lease({ connection_id: metaUser.id });
    expect((await graph(access_token, '/graph/me', undefined, second)).status).toBe(200);
    await api(context, serviceKey).delete(`/v1/leases/${lease_id}`).expect(204);
    for (const replica of [second, context.replica]) {
      const response = await graph(access_token, '/graph/me', undefined, replica);
      expect(response.status).toBe(401);
      expect(response.body.error).toMatchObject({
        code: 190,
        type: 'OAuthException',
        error_data: { code: 'lease_invalid' },
      });
    }
  });

  it('of a token: a 190 is passed on and sets the connection to reauth_required', async () => {
    const dying = await context.importConnection();
    tokens.push(dying.token);
    const { access_token } = await lease({ connection_id: dying.id });
    context.sandbox.state.make.patchUser(dying.userId, { checkpoint: 490 } as never);
    const response = await graph(access_token, '/graph/me');
    expect(response.status).toBe(400);
    expect(response.body.error).toMatchObject({ code: 190, error_subcode: 490 });
    const { status } = await until(
      () => context.connection(dying.id),
      (connection) => connection.status !== 'active',
    );
    expect(status).toBe('reauth_required');
    expect((await graph(access_token, '/graph/me', undefined, second)).status).toBe(401);
  });
});

describe('records', () => {
  it('count use by lease and pattern', async () => {
    const { access_token, lease_id } = await lease({ connection_id: metaUser.id });
    await graph(access_token, `/graph/${metaUser.pageIds[0]}?fields=id`);
    await context.replica.app.get(UsageRecorder).flush();
    const entries = (await api(context).get(`/v1/audit?action=gateway.used&connection_id=${metaUser.id}`)).body
      .data as {
      subject_id: string;
      details: { routes: Record<string, unknown> };
    }[];
    expect(entries.find((entry) => entry.subject_id === lease_id)?.details.routes).toEqual({
      'GET /:id': { calls: 1, errors: 0 },
    });
  });

  it('contain the trace id in every log line about the call', async () => {
    const { access_token } = await lease({ connection_id: metaUser.id });
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
    const traced = (call: request.Test) => call.set('traceparent', `00-${trace}-00f067aa0ba902b7-01`);
    await graph(access_token, '/graph/me', traced);
    context.sandbox.state.faults.add({ fault: { kind: 'drop_before' }, times: 2, match: { pathPattern: '/me$' } });
    expect((await graph(access_token, '/graph/me', traced)).status).toBe(502);
    const lines = context.log.lines.filter((line) => line['trace_id'] === trace);
    expect(lines.map((line) => line['status'] ?? line['msg'])).toEqual([200, 'Meta could not be reached.', 502]);
  });

  it('contain no token in the log', () => {
    expect(context.log.text()).not.toMatch(/EAA[A-Za-z0-9]{20}|mtl_[a-z0-9]{20}/);
  });
});
