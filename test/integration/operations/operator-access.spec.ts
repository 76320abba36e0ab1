import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { startTestReplica, TEST_ADMIN_KEY, type TestReplica } from '../../support/test-replica.ts';

const TOKEN = 'a-token-of-the-operators-0123456789abcdef';
const FOR_OPERATORS = ['/metrics', '/openapi.json', '/docs', '/docs/initialize.js', '/docs/swagger-ui.css'];
const PUBLIC = ['/health/live', '/health/ready', '/problems', '/problems/not_found', '/'];
const NO_DETAILS = { info: {}, error: {}, details: {} };

const start = (environment: Record<string, string>) => startTestReplica({ environment });
const get = (address: string, path: string, token?: string) => {
  const call = request(address).get(path).set('Accept', 'application/json');
  return token === undefined ? call : call.set('Authorization', `Bearer ${token}`);
};

describe('with a port for operators', () => {
  let replica: TestReplica;
  let address: string;
  let operations: string;
  beforeAll(async () => {
    replica = await start({ OPERATIONS_PORT: '0' });
    address = await replica.listen();
    operations = replica.operationsAddress() ?? '';
  });
  afterAll(() => replica?.close());

  it.each(FOR_OPERATORS)('%s is there, and not on the public port, whatever is sent', async (path) => {
    await get(operations, path).expect(200);
    for (const key of [undefined, TEST_ADMIN_KEY]) {
      const hidden = await get(address, path, key).expect(404);
      expect(hidden.body).toMatchObject({ code: 'not_found', detail: 'There is nothing here.' });
    }
  });

  it.each(PUBLIC)('%s is on both', async (path) => {
    await get(operations, path).expect(200);
    await get(address, path).expect(200);
  });

  it('tells the public port only whether it is ready, and admins everything', async () => {
    const bare = await get(address, '/health/ready').expect(200);
    expect(bare.body).toEqual({ status: 'ok', ...NO_DETAILS });
    const wrong = await get(address, '/health/ready', 'nonsense').expect(200);
    expect(wrong.body).toEqual(bare.body);
    expect((await get(operations, '/health/ready')).body.details).toHaveProperty('database', { status: 'up' });
    expect((await get(address, '/health/ready', TEST_ADMIN_KEY)).body.details).toHaveProperty('meta_app');
  });

  it('leads to the API document only where it is', async () => {
    const hidden = await get(address, '/');
    expect(hidden.body).toEqual({
      console: '/console',
      docs: null,
      openapi: null,
      health: '/health/ready',
      problems: '/problems',
    });
    expect((await get(operations, '/')).body).toMatchObject({ docs: '/docs', openapi: '/openapi.json' });
    const page = await request(address).get('/').set('Accept', 'text/html');
    expect([...page.text.matchAll(/href="\.(\/[^"]*)"/g)].map(([, path]) => path)).toEqual([
      '/console',
      '/health/ready',
      '/problems',
    ]);
  });

  it.each(['/v1/clients', '/graph/me', '/meta/config', '/webhooks/meta', '/connect/x'])(
    '%s is not on the port of operators',
    async (path) => {
      const hidden = await get(operations, path, TEST_ADMIN_KEY).expect(404);
      expect(hidden.body.code).toBe('not_found');
      const post = request(operations).post(path).set('Authorization', `Bearer ${TEST_ADMIN_KEY}`).send({});
      expect([404, 405]).toContain((await post).status);
    },
  );
});

describe('with a token for operators', () => {
  let replica: TestReplica;
  let address: string;
  beforeAll(async () => {
    replica = await start({ OPERATIONS_TOKEN: TOKEN });
    address = await replica.listen();
  });
  afterAll(() => replica?.close());

  it.each(FOR_OPERATORS)('%s needs it', async (path) => {
    await get(address, path, TOKEN).expect(200);
    const refused = await get(address, path).expect(401);
    expect(refused.headers['www-authenticate']).toBe('Bearer');
    expect(refused.body).toMatchObject({
      code: 'unauthenticated',
      remedy: expect.stringContaining('operations token'),
    });
  });

  it("shows details of readiness to who has it, but not the doctor's checks", async () => {
    expect((await get(address, '/health/ready')).body).toEqual({ status: 'ok', ...NO_DETAILS });
    const { details } = (await get(address, '/health/ready', TOKEN)).body;
    expect(details).toHaveProperty('key_ring', { status: 'up' });
    expect(details).not.toHaveProperty('meta_app');
  });

  it("opens nothing else, and no client's key stands in for it", async () => {
    await get(address, '/v1/clients', TOKEN).expect(401);
    await get(address, '/metrics', TEST_ADMIN_KEY).expect(401);
  });

  it('cannot be guessed for long', async () => {
    const guessed = await start({ OPERATIONS_TOKEN: TOKEN });
    try {
      const target = await guessed.listen();
      let status = 401;
      for (let tries = 0; tries < 12 && status === 401; tries++) {
        ({ status } = await get(target, '/metrics', `${TOKEN}${tries}`));
      }
      expect(status).toBe(429);
      await get(target, '/metrics', TOKEN).expect(200);
    } finally {
      await guessed.close();
    }
  });
});
