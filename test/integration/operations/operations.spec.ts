import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { Database } from '../../../src/database/database.ts';
import { Clock } from '../../../src/platform/clock.ts';
import { captureLog, startTestReplica, TEST_ADMIN_KEY, type TestReplica } from '../../support/test-replica.ts';

class ShiftedClock extends Clock {
  shiftMs = 0;

  override now(): Date {
    return new Date(Date.now() + this.shiftMs);
  }
}

const localClock = new ShiftedClock();
const log = captureLog();
let replica: TestReplica;

beforeAll(async () => {
  replica = await startTestReplica({ overrides: { localClock, logger: log.logger } });
  await replica.app.get(Database).run({
    text: `UPDATE encryption_key SET created_at = created_at - interval '100 days' WHERE state = 'active'`,
  });
});

afterAll(() => replica.close());

const http = () => request(replica.app.getHttpServer());

describe('health', () => {
  it('is live', async () => {
    const response = await http().get('/health/live');
    expect([response.status, response.body]).toEqual([200, { status: 'ok' }]);
  });

  it('is ready, and says what was looked at', async () => {
    const response = await http().get('/health/ready');
    expect(response.status).toBe(200);
    expect(response.body.status).toBe('ok');
    expect(Object.keys(response.body.info).sort()).toEqual(['clock', 'database', 'key_ring', 'migrations', 'process']);
  });

  it('is not ready with a clock that is half a minute off', async () => {
    for (const shiftMs of [31_000, -31_000]) {
      localClock.shiftMs = shiftMs;
      const response = await http().get('/health/ready');
      localClock.shiftMs = 0;
      expect(response.status).toBe(503);
      expect(response.body.error.clock).toMatchObject({
        status: 'down',
        skew_seconds: expect.closeTo(shiftMs / 1000, 0),
      });
    }
    expect((await http().get('/health/ready')).status).toBe(200);
  });

  it('is not ready while a migration is missing, and names it', async () => {
    const database = replica.app.get(Database);
    const [row] = await database.rows<{ id: number; name: string; timestamp: string }>({
      text: 'SELECT * FROM schema_migration ORDER BY id LIMIT 1',
    });
    await database.run({ text: 'DELETE FROM schema_migration WHERE id = $1', values: [row?.id] });
    const response = await http().get('/health/ready');
    await database.run({
      text: 'INSERT INTO schema_migration (id, timestamp, name) VALUES ($1, $2, $3)',
      values: [row?.id, row?.timestamp, row?.name],
    });
    expect(response.status).toBe(503);
    expect(response.body.error.migrations).toEqual({ status: 'down', missing: [row?.name] });
  });
});

describe('metrics', () => {
  it('cover the process and the responses given, by route and not by URL', async () => {
    const line = /^metavault_http_requests_total\{method="GET",route="\/v1\/clients",status="200"\} (\d+)$/m;
    const countIn = (text: string): number => Number(line.exec(text)?.[1] ?? 0);
    const before = countIn((await http().get('/metrics')).text);
    await http().get('/v1/clients?limit=1').set('Authorization', `Bearer ${TEST_ADMIN_KEY}`);
    await http().get('/no/such/path-with-a-secret');
    const response = await http().get('/metrics');
    expect(response.status).toBe(200);
    expect(response.headers['content-type']).toMatch(/^text\/plain/);
    expect(response.text).toMatch(/^process_cpu_seconds_total /m);
    expect(countIn(response.text)).toBe(before + 1);
    expect(response.text).toMatch(/route="unmatched",status="404"/);
    expect(response.text).not.toContain('path-with-a-secret');
  });

  it('tell how wrong the clock is, and how old the active key', async () => {
    const readGauge = async (name: string): Promise<number> =>
      Number(new RegExp(`^${name} (.+)$`, 'm').exec((await http().get('/metrics')).text)?.[1] ?? Number.NaN);
    localClock.shiftMs = -1_000_000;
    const skewSeconds = await readGauge('metavault_clock_skew_seconds');
    localClock.shiftMs = 0;
    expect(Math.round(skewSeconds / 100)).toBe(-10);
    expect(await readGauge('metavault_active_key_age_seconds')).toBeGreaterThanOrEqual(8_640_000);
  });

  it('say nothing of the next expiry while no token expires: 0 would mean now', async () => {
    const { text } = await http().get('/metrics');
    expect(text).toContain('# TYPE metavault_next_expiry_seconds gauge');
    expect(text).not.toMatch(/^metavault_next_expiry_seconds /m);
  });
});

describe('problem pages', () => {
  it('has one for the type of every problem', async () => {
    const refused = await http().get('/v1/clients');
    expect(refused.status).toBe(401);
    const page = await http().get(refused.body.type).set('Accept', 'text/html');
    expect(page.status).toBe(200);
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(page.text).toContain(refused.body.code);
  });

  it('is JSON for those who ask for it', async () => {
    const response = await http().get('/problems/not_found').set('Accept', 'application/json');
    expect(response.body).toMatchObject({ type: '/problems/not_found', code: 'not_found', status: 404 });
    const list = await http().get('/problems').set('Accept', 'application/json');
    expect(list.body.data).toContainEqual(response.body);
  });

  it('lists them all', async () => {
    expect((await http().get('/problems')).text).toContain('href="/problems/invalid_request"');
  });

  it('knows no others', async () => {
    expect((await http().get('/problems/%3Cscript%3E')).body.code).toBe('not_found');
  });
});

describe('the document of the API', () => {
  it('tells which routes take a key, and that errors are problems', async () => {
    const { body } = await http().get('/openapi.json');
    expect(body.openapi).toMatch(/^3\.1\./);
    expect(body.paths['/v1/clients'].post.security).toEqual([
      { apiKey: [] },
      { issuerToken: [] },
      { consoleSession: [] },
    ]);
    expect(body.paths['/health/live'].get.security).toEqual([]);
    expect(body.paths['/v1/clients'].get.responses['401']).toEqual({ $ref: '#/components/responses/Unauthenticated' });
    const { schema } = body.components.responses.Unauthenticated.content['application/problem+json'];
    expect(schema.allOf).toEqual([
      { $ref: '#/components/schemas/Problem' },
      { type: 'object', properties: { status: { const: 401 }, code: { enum: ['unauthenticated'] } } },
    ]);
    expect(body.components.schemas.Problem.required).toContain('request_id');
  });

  it('tells what the validation checks', async () => {
    const { body } = await http().get('/openapi.json');
    const lease = body.components.schemas.LeaseRequest;
    expect(lease.required.sort()).toEqual(['product', 'tenant']);
    expect(lease.properties.product.enum).toEqual(['whatsapp', 'instagram', 'ads', 'pages', 'threads']);
    expect(lease.properties.ttl_seconds).toMatchObject({ type: 'integer', minimum: 1, maximum: 2 ** 31 - 1 });
    const filters = body.paths['/v1/connections'].get.parameters as { name: string; required: boolean }[];
    expect(filters.find(({ name }) => name === 'tenant')?.required).toBe(false);
  });

  it.each(['/docs', '/docs/', '/docs?a=/'])('has a page whose scripts are files of ours at %s', async (path) => {
    const page = await http().get(path);
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(page.headers['content-security-policy']).toContain("script-src 'self'");
    const files = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file = '']) => file);
    expect(files).toHaveLength(4);
    for (const file of files) {
      const asset = await http().get(new URL(file, `http://localhost${path}`).pathname);
      expect([file, asset.status]).toEqual([file, 200]);
    }
  });

  it('serves no other files', async () => {
    for (const file of ['package.json', '..%2fpackage.json', 'swagger-ui-bundle.js.map']) {
      expect((await http().get(`/docs/${file}`)).status).toBe(404);
    }
  });
});

describe('the log', () => {
  it('has a line for a request, with its route and its client, without its query and headers', async () => {
    await http()
      .get('/v1/clients?limit=1&token=EAAsecret')
      .set('Authorization', `Bearer ${TEST_ADMIN_KEY}`)
      .set('X-Request-Id', 'log-test-1');
    const line = log.lines.find(({ request_id: id }) => id === 'log-test-1');
    expect(line).toMatchObject({
      method: 'GET',
      route: '/v1/clients',
      status: 200,
      client_id: expect.stringMatching(/^cli_/),
    });
    expect(line?.['duration_ms']).toEqual(expect.any(Number));
    expect(log.text()).not.toContain('EAAsecret');
    expect(log.text()).not.toContain(TEST_ADMIN_KEY);
  });
});

describe('methods', () => {
  it('that a path does not take are 405, with those that it takes', async () => {
    const response = await http().put('/v1/clients');
    expect(response.status).toBe(405);
    expect(response.headers['allow']).toBe('GET, HEAD, OPTIONS, POST');
    expect(response.body.code).toBe('method_not_allowed');
  });
});
