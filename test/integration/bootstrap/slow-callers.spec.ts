import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { connectRaw, type RawConnection } from '../../support/raw-connection.ts';
import { startTestReplica, TEST_ADMIN_KEY, TEST_ENVIRONMENT, type TestReplica } from '../../support/test-replica.ts';
import { until } from '../../support/until.ts';

const MIB = 1024 * 1024;
let replica: TestReplica;
let url: string;
const open: RawConnection[] = [];

beforeAll(async () => {
  replica = await startTestReplica({
    environment: { UNAUTHENTICATED_BODY_BYTES: String(9 * MIB) },
    overrides: { httpLimits: { headersTimeoutMs: 1_000, unauthenticatedBodyMs: 2_000, checkIntervalMs: 100 } },
  });
  url = await replica.listen();
});
afterAll(async () => {
  for (const connection of open) connection.close();
  await replica?.close();
});

async function connect(): Promise<RawConnection> {
  const connection = await connectRaw(Number(new URL(url).port));
  open.push(connection);
  return connection;
}

const head = (path: string, length: number, more = ''): string =>
  `POST ${path} HTTP/1.1\r\nhost: a\r\n${more}content-length: ${length}\r\n\r\n`;
const WRONG = `x-hub-signature-256: sha256=${'0'.repeat(64)}\r\n`;

describe('callers who are not known', () => {
  it('are not read at all by the webhook route without a signature', async () => {
    const connection = await connect();
    connection.write(head('/webhooks/meta', 4 * MIB));
    expect(await connection.response()).toMatch(/^HTTP\/1\.1 401 /);
  });

  it('can take no more memory together than the setting says, and are closed; leases and signed webhooks of Meta go on', async () => {
    const attackers = await Promise.all(Array.from({ length: 12 }, connect));
    for (const attacker of attackers) {
      attacker.write(head('/webhooks/meta', 4 * MIB, WRONG));
      attacker.write(Buffer.alloc(4 * MIB - 1));
    }
    const responses = await Promise.all(attackers.map((attacker) => attacker.ended()));
    const statuses = responses.map((response) => Number(response.slice(9, 12)));
    // Two bodies find room, and come to nothing within the time for callers who are not known.
    expect(statuses.filter((status) => status === 408)).toHaveLength(2);
    expect(statuses.filter((status) => status === 503)).toHaveLength(10);
    expect(responses.find((response) => response.includes(' 503 '))).toMatch(/\r\nretry-after: \d+\r\n/i);

    const body = JSON.stringify({ object: 'page', entry: [] });
    const secret = TEST_ENVIRONMENT['META_APP_SECRET'] ?? '';
    const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
    const deliver = () =>
      request(url).post('/webhooks/meta').set('content-type', 'application/json').set('X-Hub-Signature-256', signature);
    await until(async () => (await deliver().send(body)).status === 200);
  });

  it('get no body larger than 16 KiB into the API, and known ones do', async () => {
    const large = { name: 'x'.repeat(300 * 1024) };
    const post = (key: string) => request(url).post('/v1/clients').set('authorization', `Bearer ${key}`).send(large);
    expect((await post('nobody')).status).toBe(401);
    expect((await post(TEST_ADMIN_KEY)).status).toBe(400);
  });

  it('are refused by the gateway in the form of Meta', async () => {
    const connection = await connect();
    connection.write(head('/graph/me/feed', 1000, 'content-type: application/x-www-form-urlencoded\r\n'));
    connection.trickle('a', 50);
    const refusal = await connection.ended();
    expect(refusal).toMatch(/^HTTP\/1\.1 408 /);
    expect(JSON.parse(refusal.split('\r\n\r\n')[1] ?? '').error).toMatchObject({
      code: 100,
      type: 'OAuthException',
      error_data: { code: 'request_timeout' },
    });
  });

  it('who never finish their headers are closed', async () => {
    const connection = await connect();
    connection.write('POST /graph/me HTTP/1.1\r\nhost: a\r\n');
    expect(await connection.ended()).toMatch(/^HTTP\/1\.1 408 /);
  });
});
