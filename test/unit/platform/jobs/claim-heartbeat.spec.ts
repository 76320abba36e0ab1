import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ClaimHeartbeat } from '../../../../src/platform/jobs/claim-heartbeat.ts';
import { captureLog } from '../../../support/test-replica.ts';

describe('the heartbeat of claims', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('extends only held claims, three times in the life of a claim', async () => {
    const extended: string[][] = [];
    const heartbeat = new ClaimHeartbeat<{ id: string }>({
      claimSeconds: 30,
      extend: async (claims) => void extended.push(claims.map(({ id }) => id)),
      logger: captureLog().logger,
    });
    let end: () => void = () => undefined;
    const first = heartbeat.during([{ id: 'a' }], () => new Promise<void>((resolve) => (end = resolve)));
    await expect(heartbeat.during([{ id: 'b' }], () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    await jest.advanceTimersByTimeAsync(30_000);
    expect(extended).toEqual([['a'], ['a'], ['a']]);
    end();
    await first;
    expect(jest.getTimerCount()).toBe(0);
  });

  it('continues after a failed extension and logs it', async () => {
    const log = captureLog();
    let attempts = 0;
    const heartbeat = new ClaimHeartbeat<{ id: string }>({
      claimSeconds: 3,
      extend: () => (++attempts === 1 ? Promise.reject(new Error('no database')) : Promise.resolve()),
      logger: log.logger,
    });
    let end: () => void = () => undefined;
    const work = heartbeat.during([{ id: 'a' }], () => new Promise<void>((resolve) => (end = resolve)));
    await jest.advanceTimersByTimeAsync(2_000);
    expect(attempts).toBe(2);
    expect(log.text()).toContain('no database');
    end();
    await work;
  });
});
