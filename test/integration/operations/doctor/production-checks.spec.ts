import { afterAll, beforeAll, expect, it } from '@jest/globals';
import request from 'supertest';
import { Config } from '../../../../src/config/config.ts';
import { Database } from '../../../../src/database/database.ts';
import { checkProduction } from '../../../../src/operations/doctor/production-checks.ts';
import { addSeconds, Clock } from '../../../../src/platform/clock.ts';
import { testConfig } from '../../../support/test-config.ts';
import { startTestReplica, TEST_ADMIN_KEY, type TestReplica } from '../../../support/test-replica.ts';

const DAY = 86_400;
let replica: TestReplica;

beforeAll(async () => {
  replica = await startTestReplica();
});
afterAll(() => replica.close());

/** The doctor's findings, this many days from now. */
async function examine(
  days = 0,
  returnUrlOrigins: string[] = [],
  settings: Record<string, string> = {},
): Promise<Record<string, string>> {
  const clock = new (class extends Clock {
    override now(): Date {
      return addSeconds(replica.app.get(Clock).now(), days * DAY);
    }
  })();
  const { databaseUrl, database: databaseSettings } = replica.app.get(Config);
  const config = { ...testConfig(settings), databaseUrl, database: databaseSettings, returnUrlOrigins };
  const findings = await checkProduction({ config, database: replica.app.get(Database), clock });
  for (const { state, mend } of findings) expect(mend === null).toBe(state === 'ok');
  return Object.fromEntries(findings.map(({ check, state }) => [check, state]));
}
const post = (path: string, body: object) =>
  request(replica.app.getHttpServer()).post(path).set('Authorization', `Bearer ${TEST_ADMIN_KEY}`).send(body);

it('asks for return URLs, and for somebody who receives that a login is needed', async () => {
  expect(await examine()).toEqual({
    database_tls: 'ok',
    replication: 'attention',
    read_standby: 'ok',
    key_age: 'ok',
    return_urls: 'attention',
    console_sign_in: 'ok',
    client_keys: 'ok',
    event_receiver: 'attention',
  });
  await post('/v1/subscriptions', { url: 'https://hooks.example/a', events: ['connection.expiring'] }).expect(201);
  expect(await examine(0, ['https://app.example'])).toMatchObject({ return_urls: 'ok', event_receiver: 'attention' });
  await post('/v1/subscriptions', { url: 'https://hooks.example/b', events: ['connection.reauth_required'] }).expect(
    201,
  );
  expect(await examine()).toMatchObject({ event_receiver: 'ok' });
});

it('asks for a rotation of keys a year old', async () => {
  expect(await examine(365)).toMatchObject({ key_age: 'ok' });
  expect(await examine(367)).toMatchObject({ key_age: 'attention' });
});

it('tells of client keys that end within two weeks', async () => {
  const client = { name: 'ending', role: 'auditor', expires_in_seconds: 30 * DAY };
  await post('/v1/clients', client).expect(201);
  expect(await examine(10)).toMatchObject({ client_keys: 'ok' });
  expect(await examine(20)).toMatchObject({ client_keys: 'attention' });
});

it('asks for an identity provider where production lets keys into the console', async () => {
  const production = {
    NODE_ENV: 'production',
    PUBLIC_URL: 'https://vault.example',
    DATABASE_URL: 'postgres://vault@db.example/vault',
  };
  const keys = { ...production, CONSOLE_KEY_SIGN_IN: 'true' };
  expect(await examine(0, [], keys)).toMatchObject({ console_sign_in: 'attention' });
  expect(await examine(0, [], production)).toMatchObject({ console_sign_in: 'ok' });
});
