import net from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { Database } from '../../src/database/database.ts';
import { createServiceClient } from '../support/connect-test-context.ts';
import { captureLog, startTestReplica, TEST_ADMIN_KEY, type TestReplica } from '../support/test-replica.ts';

interface Operation {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  path: string;
  hasBody: boolean;
}

interface DescribedOperation {
  tags: string[];
  requestBody?: { content: Record<string, { schema: { $ref?: string } }> };
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;
const log = captureLog('error');
let replica: TestReplica;
let operations: Operation[];
let serviceKey: string;
let address: string;

beforeAll(async () => {
  replica = await startTestReplica({ overrides: { logger: log.logger } });
  address = await replica.listen();
  const { body: document } = await http().get('/openapi.json');
  operations = Object.entries(document.paths as Record<string, Record<string, DescribedOperation>>).flatMap(
    ([path, item]) =>
      METHODS.flatMap((method) => {
        const operation = item[method];
        // Bodies of Meta's callbacks are Meta's, and the gateway's input is Graph's.
        if (operation === undefined || operation.tags.includes('gateway')) return [];
        const body = operation.requestBody?.content['application/json'];
        return [{ method, path, hasBody: body?.schema.$ref !== undefined }];
      }),
  );
  serviceKey = (await createServiceClient({ replica }, { lease_modes: ['gateway', 'token'] })).key;
});

afterAll(() => replica.close());

const http = () => request(address);

/**
 * One call with a key that may call the route: a services-only route returns 403 to an admin before reading the input.
 */
async function call(
  operation: Operation,
  path: string,
  send: (test: request.Test) => request.Test,
): Promise<request.Response> {
  const as = (key: string) => send(http()[operation.method](path).redirects(0).set('Authorization', `Bearer ${key}`));
  const response = await as(TEST_ADMIN_KEY);
  return response.status === 403 ? as(serviceKey) : response;
}

const filled = (path: string, value = 'x'): string => path.replaceAll(/\{[^}]+\}/g, value);
const named = ({ method, path }: Operation): string => `${method.toUpperCase()} ${path}`;
const withBody = (): Operation[] => operations.filter(({ hasBody }) => hasBody);

function expectProblem(operation: Operation, response: request.Response, statuses: readonly number[]): void {
  const seen = {
    route: named(operation),
    status: response.status,
    type: response.headers['content-type'],
    code: response.body?.code,
  };
  expect(seen).toEqual({
    route: named(operation),
    status: statuses.includes(response.status) ? response.status : statuses,
    type: 'application/problem+json; charset=utf-8',
    code: expect.stringMatching(/^[a-z_]+$/),
  });
  expect(response.body.request_id).toBe(response.headers['x-request-id']);
}

function expectFault(operation: Operation, response: request.Response): void {
  expectProblem(operation, response, [400]);
  expect([named(operation), response.body.code, response.body.errors]).toEqual([
    named(operation),
    'invalid_request',
    expect.arrayContaining([{ path: expect.stringMatching(/./), message: expect.stringMatching(/./) }]),
  ]);
}

describe('every documented route', () => {
  it('is covered', () => {
    expect(operations.length).toBeGreaterThan(15);
    expect(withBody().length).toBeGreaterThan(3);
  });

  it.each([
    ['no JSON', '{"tenant":'],
    ['a list', '[]'],
    ['a word', '"text"'],
    ['null', 'null'],
    ['a duplicate field', '{"tenant":"a","tenant":"b"}'],
    ['__proto__', '{"__proto__":{"role":"admin"}}'],
    ['a NUL character', '{"tenant":"a\\u0000b"}'],
    ['half a surrogate pair', '{"tenant":"\\ud800"}'],
    ['too much nesting', `{"tenant":${'['.repeat(500)}${']'.repeat(500)}}`],
    ['an unknown field', '{"no_such_field_here":1}'],
  ])('refuses a body with %s', async (_, text) => {
    for (const operation of withBody()) {
      const response = await call(operation, filled(operation.path), (test) =>
        test.set('Content-Type', 'application/json').send(text),
      );
      expectFault(operation, response);
    }
  });

  it('rejects wrong types in every known field, and names the field', async () => {
    const { body: document } = await http().get('/openapi.json');
    for (const operation of withBody()) {
      for (const field of fieldsOf(document, operation)) {
        for (const wrong of [{ a: 1 }, [[]], -1.5, 'no such value \u0007']) {
          // Each item of this list is judged by itself, inside a 200 (lease-batch.spec.ts).
          if (operation.path === '/v1/leases/batch' && Array.isArray(wrong)) continue;
          const response = await call(operation, filled(operation.path), (test) => test.send({ [field]: wrong }));
          expectFault(operation, response);
          if (typeof wrong === 'object')
            expect([named(operation), response.body.errors]).toEqual([named(operation), mentions(field)]);
        }
      }
    }
  });

  it('rejects invalid UTF-8, other media types and other charsets', async () => {
    for (const operation of withBody()) {
      const send = (type: string, bytes: Buffer) =>
        call(operation, filled(operation.path), (test) =>
          test
            .set('Content-Type', type)
            .serialize((body) => body as string)
            .send(bytes),
        );
      expectFault(operation, await send('application/json', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d])));
      for (const type of [
        'text/plain',
        'application/xml',
        'application/json; charset=latin1',
        'multipart/form-data; boundary=x',
      ]) {
        expectProblem(operation, await send(type, Buffer.from('{}')), [415]);
      }
    }
  });

  it('rejects bodies over 1 MiB, whatever they contain', async () => {
    const large = JSON.stringify({ tenant: 'a'.repeat(1024 * 1024) });
    for (const operation of withBody()) {
      const response = await call(operation, filled(operation.path), (test) =>
        test.set('Content-Type', 'application/json').send(large),
      );
      expectProblem(operation, response, [413]);
    }
  });

  it('rejects invalid ids, control characters and broken encodings in its path', async () => {
    for (const operation of operations.filter(({ path }) => path.includes('{'))) {
      for (const value of ['%00', 'a%0Ab', '%7F']) {
        expectFault(operation, await call(operation, filled(operation.path, value), (test) => test));
      }
      expectProblem(operation, await call(operation, filled(operation.path, '%zz'), (test) => test), [400]);
      for (const value of ['x', "'%20OR%201=1--", '%F0%9F%92%A9', '..%2f..%2f', 'a'.repeat(500)]) {
        const response = await call(operation, filled(operation.path, value), (test) => test);
        expect([named(operation), value, response.status]).toEqual([
          named(operation),
          value,
          belowServerError(response.status),
        ]);
      }
    }
  });

  it('rejects broken queries, and ignores unknown parameters', async () => {
    for (const operation of operations.filter(({ method }) => method === 'get')) {
      const path = filled(operation.path);
      for (const query of ['limit=1&limit=2', 'a=%00', 'a=%0D%0A', 'a=%ff', 'a=%zz']) {
        expectFault(operation, await call(operation, `${path}?${query}`, (test) => test));
      }
      const plain = await call(operation, path, (test) => test);
      const more = await call(operation, `${path}?no_such_parameter=1`, (test) => test);
      expect([named(operation), more.status]).toEqual([named(operation), plain.status]);
    }
  });

  it('has caused no server error and written nothing', async () => {
    expect(log.lines).toEqual([]);
    const [{ clients } = { clients: '' }] = await replica.app
      .get(Database)
      .rows<{ clients: string }>({ text: 'SELECT count(*)::text AS clients FROM client' });
    expect(clients).toBe('2');
  });
});

describe('a request that is not HTTP', () => {
  it('gets an error', async () => {
    const { port } = new URL(address);
    const said = await new Promise<string>((resolve, reject) => {
      let text = '';
      const socket = net.connect(Number(port), '127.0.0.1', () =>
        socket.write('GET / HTTP/1.1\r\nHost: x\r\nBad Header: \u0001\r\n\r\n'),
      );
      socket.on('data', (chunk) => {
        text += chunk.toString();
      });
      socket.on('end', () => resolve(text));
      socket.on('error', reject);
    });
    expect(said).toMatch(/^HTTP\/1\.1 400 /);
    expect(said).toContain('application/problem+json');
  });
});

/** The status, unless it is a 5xx, or a 2xx that accepted the id; then a text that fails the comparison. */
function belowServerError(status: number): number | string {
  return status < 500 ? status : 'below 500';
}

const mentions = (field: string) =>
  expect.arrayContaining([expect.objectContaining({ path: expect.stringMatching(`^${field}`) })]);

interface Schema {
  $ref?: string;
  properties?: Record<string, unknown>;
}

function fieldsOf(
  document: { paths: Record<string, Record<string, unknown>>; components: { schemas: Record<string, Schema> } },
  operation: Operation,
): string[] {
  const described = document.paths[operation.path]?.[operation.method] as {
    requestBody: { content: Record<string, { schema: Schema }> };
  };
  const schema = described.requestBody.content['application/json']?.schema;
  const name = schema?.$ref?.split('/').at(-1);
  return Object.keys((name === undefined ? schema : document.components.schemas[name])?.properties ?? {});
}
