import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Database } from '../../src/database/database.ts';
import { RetentionService } from '../../src/database/retention.service.ts';
import { Sweep } from '../../src/lifecycle/sweeps/sweep.ts';
import type { Fault } from '../../src/sandbox/control/fault-script.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { api, createServiceClient } from '../support/connect-test-context.ts';
import {
  DAY,
  type LifecycleTestContext,
  openLifecycleTestContext,
  seedConnections,
} from '../support/lifecycle-test-context.ts';
import { startTestReplica, type TestReplica } from '../support/test-replica.ts';
import { startTestSandbox } from '../support/test-sandbox.ts';
import { until } from '../support/until.ts';

describe('the rate limit of an app, across two replicas', () => {
  let context: LifecycleTestContext;
  let second: TestReplica;
  beforeAll(async () => {
    context = await openLifecycleTestContext();
    second = await context.startAnotherReplica();
  });
  afterEach(() => {
    context.sandbox.state.faults.clear();
    context.clock.advance(3600);
  });
  afterAll(() => context?.close());

  /** Waits until one replica's observations are in the database: within a second of real time. */
  const shared = async (appId: string): Promise<void> => {
    await until(
      () =>
        context.database.rows({
          text: 'SELECT 1 FROM app_rate_limit WHERE app_id = $1 AND stopped_until > $2',
          values: [appId, context.clock.now()],
        }),
      (rows) => rows.length > 0,
    );
  };

  const throttled: Fault = { kind: 'throttle', code: 4 };
  const minutes: Fault = {
    kind: 'status',
    status: 400,
    body: { error: { message: '(#80008) Too many calls', type: 'OAuthException', code: 80008, fbtrace_id: 'A' } },
    headers: {
      'x-business-use-case-usage': JSON.stringify({
        '42': [{ type: 'whatsapp_business_management', call_count: 100, estimated_time_to_regain_access: 5 }],
      }),
    },
  };
  it('an error of code 4 at one stops the other for as long, but no other app', async () => {
    const seen = await context.importConnection({ kind: 'system_user', expiresIn: 5 * DAY });
    const waiting = await context.importConnection({ expiresIn: 6 * DAY });
    const ofAnotherApp = await context.importConnection({ kind: 'threads_user', expiresIn: 5 * DAY });
    const aged = DAY + 60;
    context.clock.advance(aged);
    // The other replica has looked before: its knowledge of the app is stale, not missing.
    await second.app.get(Sweep).health();
    context.fault(throttled, { grantType: 'fb_exchange_token' });
    const response = await api(context).post(`/v1/connections/${seen.id}/refresh`, {}).expect(200);
    expect(response.body).toMatchObject({ status: 'active', credentials: [{ failure: { code: 'meta_throttled' } }] });
    await shared(context.sandbox.app.id);

    context.clock.advance(50);
    const before = context.exchanges().exchanged;
    await second.app.get(Sweep).refresh();
    expect((await context.root(waiting.id)).version).toBe(1);
    expect((await context.root(ofAnotherApp.id)).version).toBe(2);
    expect(context.exchanges().exchanged - before).toBe(1);

    context.clock.advance(20);
    await second.app.get(Sweep).refresh();
    expect(await context.root(waiting.id)).toMatchObject({ version: 2, failure: null });
  });

  it('minutes in x-business-use-case-usage hold up only the credential that got them', async () => {
    const seen = await context.importConnection({ kind: 'system_user', expiresIn: 5 * DAY });
    const other = await context.importConnection({ expiresIn: 6 * DAY });
    context.clock.advance(DAY + 60);
    context.fault(minutes, { grantType: 'fb_exchange_token' });
    const response = await api(context).post(`/v1/connections/${seen.id}/refresh`, {}).expect(200);
    expect(response.body).toMatchObject({ status: 'active', credentials: [{ failure: { code: 'throttled' } }] });
    const nextAttemptAt = new Date(response.body.credentials[0].failure.next_attempt_at);
    expect(nextAttemptAt.getTime() - context.clock.now().getTime()).toBeGreaterThanOrEqual(300_000);
    await second.app.get(Sweep).refresh();
    expect((await context.root(other.id)).version).toBe(2);
    expect((await context.root(seen.id)).version).toBe(1);
  });

  it('does not stop the nightly maintenance, which deletes leases that ended long ago', async () => {
    const { id } = await context.importConnection();
    const client = api(context, (await createServiceClient(context, { tenants: ['acme'], products: ['pages'] })).key);
    const lease = await client.post('/v1/leases', { tenant: 'acme', product: 'pages', connection_id: id }).expect(201);
    const path = `/v1/leases/${(lease.body as { lease_id: string }).lease_id}`;
    context.clock.advance(29 * DAY);
    await context.replica.app.get(RetentionService).run(() => false);
    await client.get(path).expect(200);
    context.clock.advance(2 * DAY);
    await context.replica.app.get(RetentionService).run(() => false);
    await client.get(path).expect(404);
  });
});

describe('a replica stopped during a sweep', () => {
  const COUNT = 120;
  let sandbox: Sandbox;
  let origin: TestReplica;
  let leaving: TestReplica;
  let database: Database;

  beforeEach(async () => {
    sandbox = await startTestSandbox();
    origin = await startTestReplica({ environment: sandbox.environment() });
    // Claims last: what the stopping replica neither finishes nor releases is out of reach for the length of a test.
    leaving = await startTestReplica({
      environment: { ...sandbox.environment(), CLAIM_SECONDS: '600' },
      databaseUrl: origin.databaseUrl,
    });
    database = origin.app.get(Database);
  });
  afterEach(async () => {
    await leaving?.close().catch(() => undefined);
    await origin?.close();
    await sandbox?.close();
  });

  const count = async (where: string): Promise<number> =>
    (await database.rows({ text: `SELECT 1 FROM credential WHERE ${where}` })).length;

  /** Closes the stopping replica and returns how many milliseconds that took. */
  const leave = async (): Promise<number> => {
    const since = performance.now();
    await leaving.close();
    return performance.now() - since;
  };

  it('finishes running refreshes, starts no others, and frees the rest for other replicas at once', async () => {
    await seedConnections(origin, sandbox, COUNT, { from: DAY, to: 2 * DAY });
    sandbox.state.setLatency(150);
    const arrivals = sandbox.state.faults.add({ fault: { kind: 'delay', delayMs: 0 } });
    const sweep = leaving.app.get(Sweep).refresh();
    await until(() => arrivals.struck > 0);
    expect(await count('claim_id IS NOT NULL')).toBeGreaterThan(0);
    expect(await leave()).toBeLessThan(5_000);
    await sweep;
    const done = await count('version = 2');
    expect(done).toBeGreaterThan(0);
    expect(done).toBeLessThan(COUNT);
    expect(await count('claim_id IS NOT NULL')).toBe(0);
    expect(await database.rows({ text: `SELECT 1 FROM credential_version WHERE state = 'pending'` })).toEqual([]);

    sandbox.state.setLatency(0);
    expect(await origin.app.get(Sweep).refresh()).toMatchObject({ claimed: COUNT - done, done: COUNT - done });
    expect(sandbox.state.log.counters()).toMatchObject({ exchanged: COUNT, repeatedExchanges: 0 });
  });

  it('does so with inspections as well', async () => {
    await seedConnections(origin, sandbox, 4 * COUNT, { from: 50 * DAY, to: 51 * DAY });
    await database.run({
      text: `UPDATE credential SET check_due_at = now() - interval '1 hour', last_checked_at = NULL`,
    });
    sandbox.state.setLatency(400);
    const arrivals = sandbox.state.faults.add({ fault: { kind: 'delay', delayMs: 0 } });
    const sweep = leaving.app.get(Sweep).health();
    await until(() => arrivals.struck > 0);
    expect(await leave()).toBeLessThan(5_000);
    await sweep;
    const done = await count('last_checked_at IS NOT NULL');
    expect(done).toBeGreaterThan(0);
    expect(done).toBeLessThan(4 * COUNT);
    expect(await count('claim_id IS NOT NULL')).toBe(0);
    sandbox.state.setLatency(0);
    expect(await origin.app.get(Sweep).health()).toMatchObject({ done: 4 * COUNT - done });
  });

  it('does not wait for Meta if it does not respond', async () => {
    await seedConnections(origin, sandbox, 5, { from: DAY, to: 2 * DAY });
    const delay = sandbox.state.faults.add({ fault: { kind: 'delay', delayMs: 11_000 }, times: null });
    const sweep = leaving.app
      .get(Sweep)
      .refresh()
      .catch(() => undefined);
    await until(() => delay.struck > 0);
    expect(await leave()).toBeLessThan(16_000);
    await sweep;
    expect(await count(`health <> 'healthy' AND health <> 'expiring'`)).toBe(0);
  });
});
