import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Database } from '../../../src/database/database.ts';
import { type DatabaseProxy, startDatabaseProxy } from '../../support/database-proxy.ts';
import { type FreshDatabase, freshDatabase } from '../../support/fresh-database.ts';
import { freePort } from '../../support/http-listener.ts';
import { statusOf } from '../../support/rollout.ts';
import { startTestReplica, type TestReplica } from '../../support/test-replica.ts';
import { until } from '../../support/until.ts';

const SIZE = 3;
const HOT = [
  'client_by_key',
  'lease_active',
  'lease_issue',
  'lease_issue_foreseen',
  'lease_issue_foreseen_one',
  'lease_sealed',
];

describe('a replica that starts', () => {
  let fresh: FreshDatabase;
  let proxy: DatabaseProxy;
  let replica: TestReplica;
  let ready: string;

  beforeAll(async () => {
    fresh = await freshDatabase();
    proxy = await startDatabaseProxy(fresh.url);
  });
  afterEach(async () => {
    // Connections that were silenced stay dead, and closing the replica would wait for them.
    proxy.cut();
    proxy.restore();
    await replica.close();
  });
  afterAll(async () => {
    proxy.close();
    await fresh.drop();
  });

  async function start(databasePatience = 1): Promise<void> {
    const port = await freePort();
    const environment = { PORT: String(port), DATABASE_LEASE_POOL_SIZE: String(SIZE) };
    replica = await startTestReplica({ databaseUrl: proxy.url, environment, overrides: { databasePatience } });
    ready = `http://127.0.0.1:${port}/health/ready`;
  }
  const becomesReady = (): Promise<unknown> => until(async () => (await statusOf(ready)) === 200);

  it('has opened two connections of leases, with the statements planned on each, before it is ready, and then the others', async () => {
    await start(10);
    await replica.listen();
    expect(await statusOf(ready)).toBe(200);
    const { failFast } = replica.app.get(Database);
    const countWarm = async (): Promise<number> => {
      // Held at the same time, so that each uses a connection of its own.
      const sessions = await Promise.all(
        Array.from({ length: SIZE }, () =>
          failFast.rows<{ pid: number; names: string[] | null }>({
            text: `SELECT pg_backend_pid() AS pid, pg_sleep(0.1)::text,
                (SELECT array_agg(name::text ORDER BY name) FROM pg_prepared_statements) AS names`,
          }),
        ),
      );
      const warm = sessions.flat().filter(({ names }) => HOT.every((name) => names?.includes(name)));
      return new Set(warm.map(({ pid }) => pid)).size;
    };
    expect(await countWarm()).toBeGreaterThanOrEqual(2);
    await until(async () => (await countWarm()) === SIZE);
  });

  it('waits for that, and is not hung up by a database that is silent just then', async () => {
    await start();
    proxy.silence();
    const listening = replica.listen();
    expect(await statusOf(ready)).toBeNull();
    await listening;
    await until(async () => (await statusOf(ready)) === 503);
    proxy.restore();
    await becomesReady();
  });

  it('listens and says that it is not ready if the database is gone just then', async () => {
    await start();
    proxy.cut();
    await replica.listen();
    await until(async () => (await statusOf(ready)) === 503);
    proxy.restore();
    await becomesReady();
  });
});
