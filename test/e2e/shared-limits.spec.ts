import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { Database } from '../../src/database/database.ts';
import { DatabaseClock } from '../../src/database/database-clock.ts';
import { captureLog, startTestReplica, TEST_ADMIN_KEY, type TestReplica } from '../support/test-replica.ts';
import { until } from '../support/until.ts';

const log = captureLog();
let replicas: TestReplica[] = [];
let urls: string[] = [];

beforeAll(async () => {
  const overrides = { logger: log.logger };
  const first = await startTestReplica({ overrides });
  replicas = [first, await startTestReplica({ databaseUrl: first.databaseUrl, overrides })];
  urls = await Promise.all(replicas.map((replica) => replica.listen()));
});
afterAll(async () => {
  for (const replica of replicas.reverse()) await replica.close();
});

const call = (index: number, key: string) =>
  request(urls[index] as string)
    .get('/v1/connections?limit=1')
    .set('Authorization', `Bearer ${key}`);

async function makeClient(ratePerSecond: number): Promise<string> {
  const policy = { name: 'shop', role: 'service', tenants: ['acme'], products: ['pages'] };
  const { body } = await request(urls[0] as string)
    .post('/v1/clients')
    .set('Authorization', `Bearer ${TEST_ADMIN_KEY}`)
    .send({ ...policy, rate_limit_per_second: ratePerSecond });
  return body.api_key as string;
}

const second = (): number => Math.floor((replicas[0] as TestReplica).app.get(DatabaseClock).now().getTime() / 1_000);

/** Calls both replicas as fast as they answer, for so many seconds. Returns the statuses, and the seconds it touched. */
async function flood(key: string, seconds: number): Promise<{ statuses: number[]; touched: number }> {
  const statuses: number[] = [];
  const startedIn = second();
  const caller = async (index: number): Promise<void> => {
    while (second() < startedIn + seconds) statuses.push((await call(index, key)).status);
  };
  await Promise.all([0, 1, 0, 1, 0, 1].map(caller));
  return { statuses, touched: second() - startedIn + 1 };
}

const granted = (statuses: readonly number[]): number => statuses.filter((status) => status === 200).length;

describe("a client's limit", () => {
  // To within a tenth where the machine is not overloaded: integration/auth/limits/shared-limits.
  it('holds over two replicas', async () => {
    // So low that a busy machine exceeds it, too.
    const limit = 3;
    const { statuses, touched } = await flood(await makeClient(limit), 8);
    expect(new Set(statuses)).toEqual(new Set([200, 429]));
    // The first and the last second were not whole.
    expect(granted(statuses)).toBeGreaterThanOrEqual(limit * (touched - 2) * 0.5);
    expect(granted(statuses)).toBeLessThanOrEqual(limit * touched * 1.6);
  });

  it('goes on at each replica where nothing can be exchanged, and is shared again afterwards', async () => {
    const database = (replicas[0] as TestReplica).app.get(Database);
    const limit = 2;
    const key = await makeClient(limit);
    await database.run({ text: 'ALTER TABLE shared_limit RENAME TO hidden_limit' });
    try {
      const { statuses, touched } = await flood(key, 3);
      expect(new Set(statuses)).toEqual(new Set([200, 429]));
      expect(granted(statuses)).toBeLessThanOrEqual(2 * limit * touched);
    } finally {
      await database.run({ text: 'ALTER TABLE hidden_limit RENAME TO shared_limit' });
    }
    const warnings = log.lines.filter(({ msg }) => String(msg).startsWith('limits are not shared'));
    expect(warnings).toHaveLength(2);
    await until(
      async () => {
        await call(0, key);
        return (await database.rows({ text: 'SELECT FROM shared_limit WHERE granted + granted_before > 0' })).length;
      },
      (rows) => rows > 0,
    );
  });
});

describe('failed attempts', () => {
  it('count at both replicas together', async () => {
    const statuses: number[] = [];
    const blocked = new Set<number>();
    for (let count = 0; count < 40 && blocked.size < 2; count++) {
      const { status } = await call(count % 2, 'mtv_mistyped');
      statuses.push(status);
      if (status === 429) blocked.add(count % 2);
    }
    expect(blocked.size).toBe(2);
    const refused = statuses.filter((status) => status === 401).length;
    expect(refused).toBeGreaterThanOrEqual(10);
    expect(refused).toBeLessThanOrEqual(13);
    expect((await call(0, TEST_ADMIN_KEY)).status).toBe(200);
  });
});
