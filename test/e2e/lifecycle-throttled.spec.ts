import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AppRateLimiter } from '../../src/lifecycle/rate-limit/app-rate-limiter.ts';
import { Sweep } from '../../src/lifecycle/sweeps/sweep.ts';
import type { UsageReport } from '../../src/meta/graph/usage-headers.ts';
import { checkMetaLimits } from '../../src/operations/doctor/limit-checks.ts';
import { api } from '../support/connect-test-context.ts';
import {
  DAY,
  type LifecycleTestContext,
  openLifecycleTestContext,
  seedConnections,
} from '../support/lifecycle-test-context.ts';
import type { TestReplica } from '../support/test-replica.ts';
import { until } from '../support/until.ts';

const HOUR = 3600;
/** Seconds between two sweeps of the simulated week. */
const STEP = 15 * 60;
const NO_USAGE: UsageReport = { appUsagePercent: null, entries: [], retryAfterSeconds: null };

describe('an app whose product keeps it at its limit', () => {
  let context: LifecycleTestContext;
  let second: TestReplica;
  /** Whose tokens Meta refreshed, in that order. */
  let refreshed: string[];
  beforeEach(async () => {
    context = await openLifecycleTestContext();
    second = await context.startAnotherReplica();
    refreshed = [];
    const { log, tokens } = context.sandbox.state;
    const count = log.countExchange.bind(log);
    log.countExchange = (given) => {
      refreshed.push(tokens.view(given)?.principal.id ?? '');
      count(given);
    };
  });
  afterEach(() => context?.close());

  /** As if the gateway saw Meta refuse calls for the app's limit; stored at once. */
  const refuseTraffic = async (of: Partial<UsageReport> = {}, objectId: string | null = null): Promise<void> => {
    const rateLimiter = context.replica.app.get(AppRateLimiter);
    const scope = objectId === null ? 'app' : 'business';
    const throttle = { scope, retryAfterSeconds: objectId === null ? null : 3600 } as const;
    rateLimiter.observe(context.sandbox.app.id, { usage: { ...NO_USAGE, ...of }, throttle, objectId });
    await rateLimiter.flush();
  };

  const both = async (): Promise<void> => {
    for (const replica of [context.replica, second]) await replica.app.get(Sweep).refresh();
  };

  it('loses no token in a week; work stays slow, in order of expiry, and nothing is inspected', async () => {
    // Due at the start; the first expires after six days, the last ones long after the week.
    const seeded = await seedConnections(context.replica, context.sandbox, 12, { from: 6 * DAY, to: 6.9 * DAY });
    await context.database.run({ text: 'UPDATE credential SET check_due_at = $1', values: [context.clock.now()] });
    await refuseTraffic();
    const counts: number[] = [];
    for (let passed = 0; passed < 7 * DAY; passed += STEP) {
      await refuseTraffic();
      await context.sweep.refresh('retries');
      if (passed % DAY === 0) {
        await both();
        expect(await second.app.get(Sweep).health()).toMatchObject({ claimed: 0 });
      }
      counts.push(context.exchanges().exchanged);
      context.clock.advance(STEP);
    }
    expect(refreshed).toEqual([...seeded.keys()]);
    expect(await context.database.rows({ text: `SELECT 1 FROM connection WHERE status <> 'active'` })).toEqual([]);
    // None is near expiry before the first: the last 42 hours of seven days.
    const first = counts.findIndex((count) => count > 0);
    expect(first * STEP).toBeGreaterThanOrEqual(6 * DAY - 42 * HOUR);
    expect(Math.max(...counts.map((count, look) => count - (counts[look - 1] ?? 0)))).toBeLessThanOrEqual(5);
  }, 240_000);

  it('refreshes what would not outlive the stop, after its first minute, five a minute across replicas', async () => {
    const ending = await seedConnections(context.replica, context.sandbox, 8, { from: 16 * 60, to: 20 * 60 });
    await seedConnections(context.replica, context.sandbox, 2, { from: 2 * HOUR, to: 3 * HOUR });
    await refuseTraffic();
    await refuseTraffic();
    await refuseTraffic();
    await refuseTraffic();
    await refuseTraffic();
    context.clock.advance(59);
    await both();
    expect(refreshed).toEqual([]);
    context.clock.advance(1);
    await both();
    expect(refreshed).toEqual([...ending.keys()].slice(0, 5));
    context.clock.advance(59);
    await both();
    expect(refreshed).toHaveLength(5);
    context.clock.advance(1);
    await both();
    expect(refreshed).toEqual([...ending.keys()]);
    // These outlive the rest of the stop.
    context.clock.advance(60);
    await both();
    expect(refreshed).toHaveLength(8);
    // The stop ends.
    context.clock.advance(15 * 60);
    await both();
    expect(refreshed).toHaveLength(10);
  });

  it('calls nothing for ten minutes if Meta refuses even that', async () => {
    await seedConnections(context.replica, context.sandbox, 3, { from: 20 * HOUR, to: 21 * HOUR });
    await refuseTraffic();
    for (let minute = 0; minute < 61; minute++) {
      context.clock.advance(60);
      await refuseTraffic();
    }
    context.fault({ kind: 'throttle', code: 4 }, { grantType: 'fb_exchange_token' }, null);
    const calls = (): number => context.sandbox.state.log.counters().calls;
    const before = calls();
    await both();
    expect(calls() - before).toBe(1);
    context.clock.advance(599);
    await refuseTraffic();
    await both();
    expect(calls() - before).toBe(1);
    context.sandbox.state.faults.clear();
    context.clock.advance(1);
    await both();
    expect(refreshed).toHaveLength(3);
  });

  it("continues for all others while single objects are at their limits, whatever Meta's headers say about them", async () => {
    await seedConnections(context.replica, context.sandbox, 4, { from: 5 * DAY, to: 6 * DAY });
    const entries = [{ objectId: '17', type: 'whatsapp', percent: 107, regainAccessSeconds: 3600 }];
    await refuseTraffic({ entries }, '18');
    const appId = context.sandbox.app.id;
    for (const replica of [context.replica, second])
      expect(await replica.app.get(AppRateLimiter).allowance(appId)).toMatchObject({ kind: 'go' });
    await second.app.get(Sweep).refresh();
    expect(refreshed).toHaveLength(4);
    const limiter = second.app.get(AppRateLimiter);
    const ask = (objectId: string) => limiter.call(appId, 'scheduled', async () => 'asked', { objectIds: [objectId] });
    await expect(ask('17')).rejects.toMatchObject({ reason: 'object_throttled' });
    await expect(ask('18')).rejects.toMatchObject({ reason: 'object_throttled' });
    expect(await ask('19')).toBe('asked');
    const findings = await checkMetaLimits({ database: context.database, clock: context.clock });
    expect(findings).toMatchObject([
      { state: 'attention', detail: expect.stringMatching(/^2 objects .* 1[78] until /) },
    ]);
    context.clock.advance(HOUR);
    expect(await ask('17')).toBe('asked');
  });

  it('lets the Pages of a user at their limit wait, says so, and derives them afterwards', async () => {
    const { id, userId } = await context.importConnection({ expiresIn: 6 * DAY, pages: 2 });
    const pages = async () => (await context.connection(id)).credentials.filter(({ kind }) => kind === 'page');
    await refuseTraffic({}, userId);
    await both();
    expect(await context.root(id)).toMatchObject({ version: 2, failure: null });
    const until = context.clock.now().getTime() + HOUR * 1000;
    for (const { version, failure } of await pages()) {
      expect([version, failure?.code]).toEqual([1, 'throttled']);
      expect(Date.parse(failure?.next_attempt_at ?? '')).toBeGreaterThanOrEqual(until);
    }
    expect((await context.connection(id)).status).toBe('active');
    context.clock.advance(HOUR + 60);
    await both();
    expect((await pages()).map(({ version, failure }) => [version, failure])).toEqual([
      [2, null],
      [2, null],
    ]);
  });

  it("is shown in the metrics: stopped or not, the last gauge, and Meta's response times", async () => {
    const { id } = await context.importConnection();
    context.fault({ kind: 'throttle', code: 4 }, { grantType: 'fb_exchange_token' }, null);
    await api(context).post(`/v1/connections/${id}/refresh`, {}).expect(200);
    await refuseTraffic({ appUsagePercent: 97 });
    const app = context.sandbox.app.id;
    // A scrape does not wait for a slow database.
    const { text } = await until(
      () => api(context).get('/metrics').expect(200),
      (scraped) => scraped.text.includes('metavault_meta_stopped{'),
    );
    for (const line of [
      `metavault_meta_stopped{app_id="${app}",state="throttled"} 1`,
      `metavault_meta_stopped{app_id="${app}",state="breaker_open"} 0`,
      `metavault_meta_usage_percent{app_id="${app}"} 97`,
    ]) {
      expect(text).toContain(line);
    }
    expect(text).toMatch(/metavault_meta_errors_total\{[^}]*code="4"[^}]*\} [1-9]/);
    expect(text).toMatch(/metavault_meta_request_duration_seconds_count\{operation="[a-z_]+"\} [1-9]/);
    expect(text).toMatch(/metavault_renewals_total\{kind="user",outcome="failed"\} 1/);
  });
});
