import { describe, expect, it } from '@jest/globals';
import { settleWithin } from '../../../src/platform/settle-within.ts';

describe('settleWithin', () => {
  it('settles like the work if it is in time', async () => {
    expect(await settleWithin(Promise.resolve(1), 1_000, null)).toBe(1);
    await expect(settleWithin(Promise.reject(new Error('no')), 1_000, null)).rejects.toThrow('no');
  });

  it('returns the late value after the deadline, and ignores a later failure', async () => {
    let fail = (_: Error): void => undefined;
    const work = new Promise<number>((_, reject) => {
      fail = reject;
    });
    expect(await settleWithin(work, 5, 'late')).toBe('late');
    fail(new Error('afterwards'));
    await new Promise((resolve) => setImmediate(resolve));
  });
});
