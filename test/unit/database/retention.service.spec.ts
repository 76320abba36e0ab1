import { beforeEach, describe, expect, it } from '@jest/globals';
import { RetentionService } from '../../../src/database/retention.service.ts';
import { addSeconds } from '../../../src/platform/clock.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { testConfig } from '../../support/test-config.ts';
import { captureLog } from '../../support/test-replica.ts';

const DAY = 86_400;

describe('the retention service', () => {
  const clock = new FakeClock();
  let log: ReturnType<typeof captureLog>;
  let retentionService: RetentionService;
  beforeEach(() => {
    log = captureLog();
    retentionService = new RetentionService(clock, testConfig(), log.logger);
  });

  it('purges batches of expired rows until one is not full', async () => {
    const asked: Date[] = [];
    const batches = [1_000, 1_000, 7];
    retentionService.register('old rows', async (endedBefore, limit) => {
      asked.push(endedBefore);
      return Math.min(limit, batches.shift() ?? 0);
    });
    await retentionService.run(() => false);
    expect(asked).toEqual(Array(3).fill(addSeconds(clock.now(), -30 * DAY)));
    expect(log.lines).toContainEqual(expect.objectContaining({ what: 'old rows', removed: 2_007 }));
  });

  it('continues with other rows when a purge fails, and logs it', async () => {
    retentionService.register('broken', () => Promise.reject(new Error('no such table')));
    let removed = false;
    retentionService.register('sound', async () => {
      removed = true;
      return 1;
    });
    await retentionService.run(() => false);
    expect(removed).toBe(true);
    expect(log.lines).toContainEqual(expect.objectContaining({ what: 'broken', level: 50 }));
  });

  it('stops between batches at shutdown', async () => {
    let batches = 0;
    retentionService.register('endless', async (_, limit) => {
      batches++;
      return limit;
    });
    await retentionService.run(() => batches === 2);
    expect(batches).toBe(2);
  });

  it('rejects a second purge for the same rows', () => {
    retentionService.register('rows', async () => 0);
    expect(() => retentionService.register('rows', async () => 0)).toThrow(/registered twice/);
  });
});
