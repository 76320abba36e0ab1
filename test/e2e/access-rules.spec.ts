import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { ROLES, type Role } from '../../src/auth/authenticated-client.ts';
import { ACCESS_RULES, type Access } from '../support/access-rules.ts';
import { api, type ConnectTestContext, openConnectTestContext } from '../support/connect-test-context.ts';

type Method = 'get' | 'post' | 'patch' | 'delete';

const DOCUMENT = JSON.parse(readFileSync(path.resolve(import.meta.dirname, '../../docs/openapi.json'), 'utf8')) as {
  paths: Record<string, Record<string, { description?: string; security?: Record<string, unknown>[] }>>;
};

const OPERATIONS = Object.entries(DOCUMENT.paths).flatMap(([route, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${route}`, operation })),
);

/** No object has these ids: callers that are let in get 404 or 400. */
const UNKNOWN: Readonly<Record<string, string>> = {
  '{app_id}': '1',
  '{id}': 'x',
  '{code}': 'x',
  '{file}': 'x',
  '{path}': 'me',
  '{phone_number_id}': '1',
  '{token}': 'x',
  '{type}': 'x',
};

describe('access rules', () => {
  let context: ConnectTestContext;
  let url: string;
  const keys = new Map<Role, string>();
  beforeAll(async () => {
    context = await openConnectTestContext();
    url = await context.replica.listen();
    for (const role of ROLES) {
      const body = { name: role, role, tenants: ['acme'], products: ['*'] };
      const { body: made } = await api(context).post('/v1/clients', body).expect(201);
      keys.set(role, (made as { api_key: string }).api_key);
    }
  });
  afterAll(() => context.close());

  async function call(name: string, key: string | null): Promise<{ status: number; code: unknown }> {
    const [verb = '', route = ''] = name.split(' ');
    const target = route.replace(/\{\w+\}/g, (parameter) => UNKNOWN[parameter] ?? parameter);
    const test = request(url)[verb.toLowerCase() as Method](target).set('Accept', 'application/json');
    if (key !== null) test.set('Authorization', `Bearer ${key}`);
    const response = await (verb === 'GET' || verb === 'DELETE' ? test : test.send({}));
    return { status: response.status, code: (response.body as { code?: unknown } | undefined)?.code };
  }

  it('stand for every operation, and for nothing else', () => {
    expect(Object.keys(ACCESS_RULES).sort()).toEqual(OPERATIONS.map(({ name }) => name).sort());
  });

  it('are what the API document says', () => {
    const documented = OPERATIONS.map(({ name, operation }) => [name, describedAccess(operation)]);
    expect(Object.fromEntries(documented)).toEqual(ACCESS_RULES);
  });

  it.each(Object.entries(ACCESS_RULES))('hold: %s', async (name, access) => {
    if (Array.isArray(access)) {
      expect(await call(name, null)).toEqual({ status: 401, code: 'unauthenticated' });
      for (const role of ROLES) {
        const { code } = await call(name, keys.get(role) ?? '');
        expect({ role, isAllowed: code !== 'forbidden' }).toEqual({ role, isAllowed: access.includes(role) });
      }
    } else if (access === 'lease') {
      for (const role of ROLES) expect((await call(name, keys.get(role) ?? '')).status).toBe(401);
    } else {
      expect(await call(name, null)).not.toMatchObject({
        code: expect.stringMatching(/^(forbidden|unauthenticated)$/),
      });
    }
  });
});

function describedAccess({ description = '', security = [] }: (typeof OPERATIONS)[number]['operation']): Access {
  const [, roles] = /Roles: ([a-z_, ]+)\.$/.exec(description) ?? [];
  if (roles !== undefined) return roles.split(', ') as Role[];
  const schemes = security.flatMap((one) => Object.keys(one));
  if (schemes.includes('lease')) return 'lease';
  return schemes.includes('operationsToken') ? 'operators' : 'everybody';
}
