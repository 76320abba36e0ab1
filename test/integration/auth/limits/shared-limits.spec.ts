import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { LimitPolicy } from '../../../../src/auth/limits/shared-limit.ts';
import { SharedLimits } from '../../../../src/auth/limits/shared-limits.ts';
import type { Database } from '../../../../src/database/database.ts';
import type { DatabaseClock } from '../../../../src/database/database-clock.ts';
import { SystemRandom } from '../../../../src/platform/random.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { openFreshDatabase } from '../../../support/fresh-database.ts';
import { idleJobScheduler } from '../../../support/idle-job-scheduler.ts';
import { captureLog } from '../../../support/test-replica.ts';

const perSecond = (limit: number): LimitPolicy => ({ limit, periodMs: 1_000, carry: 'excess' });

let database: Database;
let close: () => Promise<void>;
const clock = new FakeClock();
const log = captureLog();

beforeAll(async () => {
  const fresh = await openFreshDatabase();
  ({ database } = fresh);
  close = fresh.close;
});
afterAll(() => close?.());

/** Exchanges when the test says so. */
const replica = (): SharedLimits =>
  new SharedLimits(
    database,
    clock as unknown as DatabaseClock,
    new SystemRandom(),
    idleJobScheduler(),
    false,
    log.logger,
  );

describe('two replicas on one database', () => {
  it.each([
    ['evenly', [40, 40]],
    ['mostly to one', [70, 10]],
    ['to one alone', [80, 0]],
  ])('grant a limit to within a tenth, if requests come %s', async (name, wantedPerStep) => {
    const policy = perSecond(100);
    const replicas = [replica(), replica()];
    const seconds = 6;
    let granted = 0;
    for (let step = 0; step < seconds * 10; step++) {
      for (const [index, each] of replicas.entries()) {
        for (let count = 0; count < (wantedPerStep[index] ?? 0); count++)
          if (each.take(name, policy).isGranted) granted++;
      }
      for (const each of replicas) await each.exchange();
      clock.advance(0.1);
    }
    expect(granted).toBeGreaterThanOrEqual(policy.limit * seconds * 0.9);
    expect(granted).toBeLessThanOrEqual(policy.limit * (seconds + 1) * 1.1);
  });

  it('cost one statement for all limits in use', async () => {
    const [one, other] = [replica(), replica()];
    const names = Array.from({ length: 50 }, (_, index) => `client-${index}`);
    for (const name of names) one.take(name, perSecond(2));
    await one.exchange();
    for (const name of names) other.take(name, perSecond(2));
    await other.exchange();
    for (const name of names) expect(other.take(name, perSecond(2)).isGranted).toBe(false);
  });

  it('go on by themselves without the table, say so once, and share again afterwards', async () => {
    const [one, other] = [replica(), replica()];
    const policy = perSecond(3);
    const takeAll = (each: SharedLimits): number =>
      Array.from({ length: 9 }, () => each.take('kept', policy)).filter(({ isGranted }) => isGranted).length;
    await database.run({ text: 'ALTER TABLE shared_limit RENAME TO hidden_limit' });
    for (let second = 0; second < 3; second++) {
      clock.advance(1);
      for (const each of [one, other]) {
        expect(takeAll(each)).toBeLessThanOrEqual(3);
        await each.exchange();
      }
    }
    await database.run({ text: 'ALTER TABLE hidden_limit RENAME TO shared_limit' });
    expect(log.lines.filter(({ msg }) => String(msg).startsWith('limits are not shared'))).toHaveLength(2);
    clock.advance(5);
    expect(takeAll(one)).toBe(3);
    await one.exchange();
    other.take('kept', policy);
    await other.exchange();
    expect(other.take('kept', policy).isGranted).toBe(false);
  });
});
