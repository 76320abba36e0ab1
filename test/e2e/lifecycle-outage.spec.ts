import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database } from '../../src/database/database.ts';
import { MAX_CONCURRENT_CALLS } from '../../src/lifecycle/rate-limit/app-rate-limiter.ts';
import { Sweep } from '../../src/lifecycle/sweeps/sweep.ts';
import { Clock } from '../../src/platform/clock.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { type DatabaseProxy, startDatabaseProxy } from '../support/database-proxy.ts';
import {
  DAY,
  type LifecycleTestContext,
  openLifecycleTestContext,
  seedConnections,
} from '../support/lifecycle-test-context.ts';
import { openResources } from '../support/open-resources.ts';
import { startTestReplica, type TestReplica } from '../support/test-replica.ts';
import { startTestSandbox } from '../support/test-sandbox.ts';
import { until } from '../support/until.ts';

/** The full goal is OUTAGE_DUE=100000; the default is a small run of the same. */
const DUE = Number(process.env['OUTAGE_DUE'] ?? 200);
const DATABASE_GONE_MS = Number(process.env['DATABASE_GONE_MS'] ?? 2_000);

describe('Meta down for 48 hours', () => {
  let context: LifecycleTestContext;
  beforeAll(async () => {
    context = await openLifecycleTestContext();
  });
  afterAll(() => context?.close());

  it(
    'kills nothing, hardly calls Meta meanwhile, and is caught up with in order of expiry',
    async () => {
      // Three to six days of life left: all are due, and all are still alive after two days.
      const seeded = await seedConnections(context.replica, context.sandbox, DUE, { from: 3 * DAY, to: 6 * DAY });
      const { log, tokens } = context.sandbox.state;
      const exchanged: string[] = [];
      const count = log.countExchange.bind(log);
      log.countExchange = (given) => {
        exchanged.push(tokens.view(given)?.principal.id ?? '');
        count(given);
      };
      context.fault({ kind: 'status', status: 503 }, {}, null);
      const before = context.sandbox.state.log.counters().calls;
      const step = 4 * 3600;
      for (let passed = 0; passed < 2 * DAY; passed += step) {
        await context.sweep.refresh();
        context.clock.advance(step);
      }
      const [dead] = await context.database.rows<{ count: string }>({
        text: `SELECT count(*) FROM connection WHERE status <> 'active'`,
      });
      expect(Number(dead?.count)).toBe(0);
      // One probe with three tries per sweep, and the calls the breaker needed to open.
      expect(context.sandbox.state.log.counters().calls - before).toBeLessThan(((2 * DAY) / step) * 3 + 200);

      context.sandbox.state.faults.clear();
      context.sandbox.state.setLatency(2);
      let rounds = 0;
      for (; rounds < 50; rounds++) {
        await context.sweep.refresh();
        const left = await context.database.rows({ text: 'SELECT 1 FROM credential WHERE version = 1 LIMIT 1' });
        if (left.length === 0) break;
        context.clock.advance(60);
      }
      expect(rounds).toBeLessThan(50);
      // Those that were asked about wait for their next attempt; all others follow their expiry.
      const asked = await context.database.rows<{ user_id: string }>({
        text: `SELECT DISTINCT c.subject_id AS user_id FROM audit_entry a JOIN credential c ON c.id = a.subject_id
        WHERE a.action = 'credential.refresh_failed'`,
      });
      expect(asked.length).toBeLessThan(100);
      const waited = new Set(asked.map((row) => row.user_id));
      const byExpiry = [...seeded.keys()].filter((userId) => !waited.has(userId));
      const byExchange = exchanged.filter((userId) => !waited.has(userId));
      expect([...byExchange].sort()).toEqual([...byExpiry].sort());
      // The allowed number run concurrently, and reach Meta in any order.
      const placeByExpiry = new Map(byExpiry.map((userId, place) => [userId, place]));
      const displaced = byExchange.filter((userId, place) => {
        const expected = placeByExpiry.get(userId) ?? Number.NaN;
        return !(Math.abs(expected - place) <= MAX_CONCURRENT_CALLS);
      });
      expect(displaced).toEqual([]);
    },
    120_000 + DUE * 30,
  );
});

describe('Postgres going down during a sweep', () => {
  let sandbox: Sandbox;
  let origin: TestReplica;
  let replica: TestReplica;
  let proxy: DatabaseProxy;

  beforeAll(async () => {
    sandbox = await startTestSandbox();
    origin = await startTestReplica({ environment: sandbox.environment() });
    proxy = await startDatabaseProxy(origin.databaseUrl);
    replica = await startTestReplica({
      environment: { ...sandbox.environment(), CLAIM_SECONDS: '2' },
      databaseUrl: proxy.url,
      overrides: { databasePatience: 1 },
    });
  });
  afterAll(async () => {
    await replica?.close();
    proxy?.close();
    await origin?.close();
    await sandbox?.close();
  });

  it('loses nothing: interrupted work continues when it is back', async () => {
    await seedConnections(origin, sandbox, 60, { from: DAY, to: 2 * DAY });
    sandbox.state.setLatency(100);
    const arrivals = sandbox.state.faults.add({ fault: { kind: 'delay', delayMs: 0 } });
    const sweep = replica.app
      .get(Sweep)
      .refresh()
      .catch(() => undefined);
    await until(() => arrivals.struck > 0);
    proxy.cut();
    // How long the outage lasts is what the test is about.
    await sleep(DATABASE_GONE_MS);
    proxy.restore();
    await sweep;
    const database = origin.app.get(Database);
    await until(
      async () => {
        await replica.app.get(Sweep).refresh();
        return database.rows({ text: `SELECT 1 FROM credential WHERE version = 1 LIMIT 1` });
      },
      (left) => left.length === 0,
    );
    expect(await database.rows({ text: `SELECT 1 FROM credential_version WHERE state = 'pending'` })).toEqual([]);
    expect(await database.rows({ text: `SELECT 1 FROM connection WHERE status <> 'active'` })).toEqual([]);
  });
});

describe('a replica whose clock is an hour ahead', () => {
  it('takes over no work of others: the database decides what time it is', async () => {
    const ahead: Clock = { now: () => new Date(Date.now() + 3_600_000) };
    const { sandbox, right, wrong, close } = await openResources(async (closeLater) => {
      const meta = closeLater(await startTestSandbox());
      const environment = meta.environment();
      const first = closeLater(await startTestReplica({ environment }));
      const { databaseUrl } = first;
      const second = closeLater(await startTestReplica({ environment, databaseUrl, overrides: { localClock: ahead } }));
      return { sandbox: meta, right: first, wrong: second };
    });
    try {
      await seedConnections(right, sandbox, 5, { from: DAY, to: DAY });
      sandbox.state.setLatency(400);
      const first = right.app.get(Sweep).refresh();
      const taken = `SELECT 1 FROM credential WHERE claim_id IS NOT NULL OR version > 1`;
      await until(
        () => right.app.get(Database).rows({ text: taken }),
        (rows) => rows.length === 5,
      );
      expect(await wrong.app.get(Sweep).refresh()).toMatchObject({ claimed: 0 });
      expect(await first).toMatchObject({ claimed: 5, done: 5 });
      expect(sandbox.state.log.counters().repeatedExchanges).toBe(0);
    } finally {
      await close();
    }
  });
});
