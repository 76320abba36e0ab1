import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { ConnectionResponse } from '../../src/connections/connection/connection-response.dto.ts';
import { api } from '../support/connect-test-context.ts';
import { type LifecycleTestContext, openLifecycleTestContext } from '../support/lifecycle-test-context.ts';

const USER = '100000000000101';
let context: LifecycleTestContext;

beforeAll(async () => {
  context = await openLifecycleTestContext();
});
afterEach(() => context.sandbox.state.faults.clear());
afterAll(() => context?.close());

it.each([
  ['pages', null],
  ['instagram', 'discovery_refused'],
])(
  'an imported page token for %s reaches its Page, even if Meta does not let it read the Page',
  async (product, lack) => {
    const pageId = '200000000000202';
    const { accessToken } = context.sandbox.state.make.token({ userId: USER, pageId });
    context.fault({ kind: 'graph_error', code: 10, status: 403 }, { method: 'GET', pathPattern: '/me$' }, null);
    const body = { tenant: 'acme', product, access_token: accessToken };
    const connection = (await api(context).post('/v1/connections/import', body).expect(201)).body as ConnectionResponse;
    expect(connection.assets).toMatchObject([{ type: 'page', id: pageId, name: null }]);
    expect(connection.status_reason?.code ?? null).toBe(lack);
  },
);
