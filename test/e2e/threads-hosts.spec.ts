import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  api,
  type ConnectTestContext,
  completeConnect,
  connectionAt,
  createServiceClient,
  openConnectTestContext,
} from '../support/connect-test-context.ts';

const THREADS = { product: 'threads', flow: 'threads_login' };
let context: ConnectTestContext;

beforeAll(async () => {
  context = await openConnectTestContext();
});
afterAll(() => context?.close());

describe("Threads' API", () => {
  it.each(['graph.threads.net', 'graph.threads.com'])(
    'works at %s from login to paging, with links of the gateway',
    async (host) => {
      const base = `${context.sandbox.url}/${host}`;
      const replica = await context.startAnotherReplica({ THREADS_GRAPH_URL: base });
      const on = { ...context, replica };
      const tenant = host.replaceAll('.', '-');
      const before = context.sandbox.state.log.list().length;
      const connection = await connectionAt(on, await completeConnect(on, { ...THREADS, tenant }));
      expect(connection).toMatchObject({ app_id: context.sandbox.app.threadsAppId, status: 'active' });
      const checked = await api(on).post(`/v1/connections/${connection.id}/check`, {});
      expect(checked.body.credentials).toMatchObject([{ failure: null, health: 'healthy' }]);
      const hosts = new Set(
        context.sandbox.state.log
          .list()
          .slice(before)
          .map((call) => call.host),
      );
      expect([...hosts].filter((each) => each.startsWith('graph.'))).toEqual([host]);
      expect([...hosts]).toContain('www.threads.com');

      const client = await createServiceClient(on, { tenants: [tenant] });
      const lease = await api(on, client.key).post('/v1/leases', { tenant, product: 'threads' });
      expect(lease.status).toBe(201);
      const graph = api(on, lease.body.access_token);
      for (const text of ['one', 'two']) {
        const made = await graph.post('/graph/me/threads', { media_type: 'TEXT', text });
        expect((await graph.post('/graph/me/threads_publish', { creation_id: made.body.id })).status).toBe(200);
      }
      const page = await graph.get('/graph/me/threads?fields=id&limit=1');
      expect(page.body).toMatchObject({ data: [expect.anything()], paging: { next: expect.any(String) } });
      const next = new URL(String(page.body.paging.next));
      expect(next.origin + next.pathname).toMatch(/^http:\/\/localhost:3000\/graph\/v1\.0\//);
      expect(next.searchParams.get('access_token')).toBe(lease.body.access_token);
      const second = await graph.get(next.pathname + next.search);
      expect(second.body.data).toHaveLength(1);
      expect(second.body.data[0].id).not.toBe(page.body.data[0].id);
    },
  );
});
