import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { type LifecycleTestContext, openLifecycleTestContext } from '../../support/lifecycle-test-context.ts';
import { TEST_ADMIN_KEY } from '../../support/test-replica.ts';

interface Operation {
  parameters?: { name: string; in: string }[];
  requestBody?: { content?: Record<string, { schema?: { $ref?: string } }> };
}

interface ApiDescription {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, { properties?: Record<string, unknown> }> };
}

/** Bodies of routes that need one to pass input validation. */
const BODIES: Readonly<Record<string, object>> = {
  'POST /v1/connections/{id}/phone-numbers/{phone_number_id}/register': { pin: '123456' },
  'POST /v1/connections/{id}/phone-numbers/{phone_number_id}/synchronize': { kinds: ['contacts'] },
};

let context: LifecycleTestContext;
let connectionId: string;
let description: ApiDescription;
let routes: string[];

beforeAll(async () => {
  context = await openLifecycleTestContext();
  connectionId = (await context.importConnection({ tenant: 'acme' })).id;
  const response = await request(context.replica.app.getHttpServer()).get('/openapi.json').expect(200);
  description = response.body as ApiDescription;
  routes = Object.entries(description.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
});
afterAll(() => context?.close());

async function createKey(tenant: string, role: 'admin' | 'service' = 'admin'): Promise<string> {
  const response = await send('POST /v1/clients', {
    body: { name: `${role} of ${tenant}`, role, tenants: [tenant], products: ['*'] },
  });
  expect(response.status).toBe(201);
  return (response.body as { api_key: string }).api_key;
}

function send(
  route: string,
  { key = TEST_ADMIN_KEY, body, id = '', query = '' }: { key?: string; body?: object; id?: string; query?: string },
): request.Test {
  const [method = '', template = ''] = route.split(' ');
  const path = template.replace('{id}', id).replaceAll(/\{[a-z_]+\}/g, '1');
  const call = request(context.replica.app.getHttpServer())
    [method.toLowerCase() as 'get' | 'post' | 'delete'](path + query)
    .set('Authorization', `Bearer ${key}`);
  return body === undefined ? call : call.send(body);
}

describe('a client of another tenant', () => {
  it('gets 404 from every route with a connection id in its path', async () => {
    const key = await createKey('other');
    const withId = routes.filter((route) => route.includes('/v1/connections/{'));
    expect(withId).toEqual(
      expect.arrayContaining([
        'GET /v1/connections/{id}',
        'DELETE /v1/connections/{id}',
        'POST /v1/connections/{id}/refresh',
        'POST /v1/connections/{id}/check',
        'POST /v1/connections/{id}/phone-numbers/{phone_number_id}/register',
        'POST /v1/connections/{id}/phone-numbers/{phone_number_id}/synchronize',
      ]),
    );
    for (const route of withId) {
      const body = BODIES[route];
      const response = await send(route, { key, id: connectionId, ...(body === undefined ? {} : { body }) });
      expect({ route, status: response.status, code: response.body.code }).toEqual({
        route,
        status: 404,
        code: 'connection_not_found',
      });
    }
    expect((await context.connection(connectionId)).status).toBe('active');
  });

  it('finds nothing by a connection id in a query or body', async () => {
    const key = await createKey('another');
    const withId = routes.filter(takesConnectionId);
    expect(withId).toEqual(['GET /v1/audit', 'POST /v1/leases', 'GET /v1/leases']);
    const audit = await send('GET /v1/audit', { key, query: `?connection_id=${connectionId}` });
    expect(audit.body).toMatchObject({ data: [] });
    const body = { tenant: 'another', product: 'pages', connection_id: connectionId };
    const lease = await send('POST /v1/leases', { key: await createKey('another', 'service'), body });
    expect({ status: lease.status, code: lease.body.code }).toEqual({ status: 404, code: 'connection_not_found' });
    const own = { ...body, tenant: 'acme' };
    await send('POST /v1/leases', { key: await createKey('acme', 'service'), body: own }).expect(201);
    const query = `?connection_id=${connectionId}`;
    expect((await send('GET /v1/leases', { key, query }).expect(200)).body).toMatchObject({ data: [] });
    const acme = await send('GET /v1/leases', { key: await createKey('acme'), query }).expect(200);
    expect((acme.body as { data: unknown[] }).data.length).toBeGreaterThan(0);
  });
});

it('a client of the right tenant sees it', async () => {
  const key = await createKey('acme');
  await send('GET /v1/connections/{id}', { key, id: connectionId }).expect(200);
  const audit = await send('GET /v1/audit', { key, query: `?connection_id=${connectionId}` });
  expect((audit.body as { data: unknown[] }).data.length).toBeGreaterThan(0);
});

function takesConnectionId(route: string): boolean {
  const [method = '', path = ''] = route.split(' ');
  const operation = description.paths[path]?.[method.toLowerCase()];
  if (operation?.parameters?.some((parameter) => parameter.name === 'connection_id') === true) return true;
  const schemas = Object.values(operation?.requestBody?.content ?? {}).flatMap(({ schema }) => schema?.$ref ?? []);
  return schemas.some((ref) => {
    const schema = description.components.schemas[ref.split('/').at(-1) ?? ''];
    return schema?.properties?.['connection_id'] !== undefined;
  });
}
