import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { SharedLimits } from '../../src/auth/limits/shared-limits.ts';
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

async function makeClient(ratePerSecond: number): Promise<{ id: string; key: string }> {
  const policy = { name: 'shop', role: 'service', tenants: ['acme'], products: ['pages'] };
  const { body } = await request(urls[0] as string)
    .post('/v1/clients')
    .set('Authorization', `Bearer ${TEST_ADMIN_KEY}`)
    .send({ ...policy, rate_limit_per_second: ratePerSecond });
  return { id: body.id as string, key: body.api_key as string };
}

const second = (): number => Math.floor((replicas[0] as TestReplica).app.get(DatabaseClock).now().getTime() / 1_000);

/** Calls both replicas far above the limit. Returns the statuses, and how many clock seconds it touched. */
async function flood(key: string, seconds: number): Promise<{ statuses: number[]; touched: number }> {
  const statuses: number[] = [];
  const startedIn = second();
  const caller = async (index: number): Promise<void> => {
    while (second() < startedIn + seconds) {
      statuses.push((await call(index, key)).status);
      await sleep(20);
    }
  };
  await Promise.all([0, 1, 0, 1, 0, 1].map(caller));
  return { statuses, touched: second() - startedIn + 1 };
}

const granted = (statuses: readonly number[]): number => statuses.filter((status) => status === 200).length;

describe("a client's limit", () => {
  // To within a tenth on a machine that is not overloaded: integration/auth/limits/shared-limits.
  it('holds over two replicas', async () => {
    // So low that a busy machine exceeds it, too.
    const limit = 3;
    const { statuses, touched } = await flood((await makeClient(limit)).key, 8);
    expect(new Set(statuses)).toEqual(new Set([200, 429]));
    // The first and the last second were only partly used.
    expect(granted(statuses)).toBeGreaterThanOrEqual(limit * (touched - 2) * 0.5);
    expect(granted(statuses)).toBeLessThanOrEqual(limit * touched * 1.6);
  });

  it('goes on at each replica where nothing can be exchanged, and is shared again afterwards', async () => {
    const database = (replicas[0] as TestReplica).app.get(Database);
    const limit = 2;
    const { id, key } = await makeClient(limit);
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
        for (const index of [0, 1]) await call(index, key);
        return (await database.rows({ text: 'SELECT FROM shared_limit WHERE name = $1', values: [id] })).length;
      },
      (replicasThatTold) => replicasThatTold === 2,
    );
  });
});

describe('failed attempts', () => {
  it('count at both replicas together', async () => {
    const [first, second] = replicas.map(({ app }) => app.get(SharedLimits, { strict: false }));
    for (let count = 0; count < 6; count++) expect((await call(0, 'mtv_mistyped')).status).toBe(401);
    await first?.exchange();
    let refused = 6;
    for (; refused < 20 && (await call(1, 'mtv_mistyped')).status === 401; refused++) await second?.exchange();
    expect(refused).toBeGreaterThanOrEqual(10);
    // The limit slides: some of the first attempts may have left the window.
    expect(refused).toBeLessThanOrEqual(11);
    expect((await call(0, TEST_ADMIN_KEY)).status).toBe(200);
  });
});
