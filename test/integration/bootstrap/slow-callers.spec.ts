import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { connectRaw, type RawConnection } from '../../support/raw-connection.ts';
import { startTestReplica, TEST_ADMIN_KEY, TEST_ENVIRONMENT, type TestReplica } from '../../support/test-replica.ts';
import { until } from '../../support/until.ts';

const MIB = 1024 * 1024;
/** One replica that waits for slow callers, and one with short timeouts. */
let patient: TestReplica;
let impatient: TestReplica;
const url = { patient: '', impatient: '' };
const open: RawConnection[] = [];

beforeAll(async () => {
  const environment = { UNAUTHENTICATED_BODY_BYTES: String(9 * MIB) };
  const forever = { bodyWindowMs: 600_000, unauthenticatedBodyMs: 600_000 };
  patient = await startTestReplica({ environment, overrides: { httpLimits: forever } });
  const brief = { headersTimeoutMs: 1_000, unauthenticatedBodyMs: 1_000, checkIntervalMs: 100 };
  impatient = await startTestReplica({ databaseUrl: patient.databaseUrl, overrides: { httpLimits: brief } });
  url.patient = await patient.listen();
  url.impatient = await impatient.listen();
});
afterAll(async () => {
  for (const connection of open) connection.close();
  await impatient?.close();
  await patient?.close();
});

async function connect(to: string): Promise<RawConnection> {
  const connection = await connectRaw(Number(new URL(to).port));
  open.push(connection);
  return connection;
}

const head = (path: string, length: number, more = ''): string =>
  `POST ${path} HTTP/1.1\r\nhost: a\r\n${more}content-length: ${length}\r\n\r\n`;
const WRONG = `x-hub-signature-256: sha256=${'0'.repeat(64)}\r\n`;

describe('callers who are not known', () => {
  it('are not read at all by the webhook route without a signature', async () => {
    const connection = await connect(url.patient);
    connection.write(head('/webhooks/meta', 4 * MIB));
    expect(await connection.response()).toMatch(/^HTTP\/1\.1 401 /);
  });

  it('can take no more memory together than the setting says; signed webhooks of Meta go on when they are gone', async () => {
    const attackers = await Promise.all(Array.from({ length: 12 }, () => connect(url.patient)));
    const refusals: string[] = [];
    for (const attacker of attackers) {
      attacker.write(head('/webhooks/meta', 4 * MIB, WRONG));
      attacker.write(Buffer.alloc(4 * MIB - 1));
      attacker.response().then(
        (refusal) => refusals.push(refusal),
        () => undefined,
      );
    }
    // Only two bodies fit, and wait for their last byte.
    await until(() => refusals.length >= 10);
    for (const refusal of refusals) expect(refusal).toMatch(/^HTTP\/1\.1 503 [\s\S]*\r\nretry-after: \d+\r\n/i);
    for (const attacker of attackers) attacker.close();

    const body = JSON.stringify({ object: 'page', entry: [] });
    const secret = TEST_ENVIRONMENT['META_APP_SECRET'] ?? '';
    const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
    const deliver = () =>
      request(url.patient)
        .post('/webhooks/meta')
        .set('content-type', 'application/json')
        .set('X-Hub-Signature-256', signature);
    await until(async () => (await deliver().send(body)).status === 200);
  });

  it('get no body larger than 16 KiB into the API, and known ones do', async () => {
    const large = { name: 'x'.repeat(300 * 1024) };
    const post = (key: string) =>
      request(url.patient).post('/v1/clients').set('authorization', `Bearer ${key}`).send(large);
    expect((await post('nobody')).status).toBe(401);
    expect((await post(TEST_ADMIN_KEY)).status).toBe(400);
  });

  it('are refused by the gateway in the form of Meta', async () => {
    const connection = await connect(url.impatient);
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
    const connection = await connect(url.impatient);
    connection.write('POST /graph/me HTTP/1.1\r\nhost: a\r\n');
    expect(await connection.ended()).toMatch(/^HTTP\/1\.1 408 /);
  });
});
