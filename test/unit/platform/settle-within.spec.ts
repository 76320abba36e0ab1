import { describe, expect, it } from '@jest/globals';
import { settleWithin } from '../../../src/platform/settle-within.ts';

describe('settleWithin', () => {
  it('gives what the work gives in time', async () => {
    expect(await settleWithin(Promise.resolve(1), 1_000, null)).toBe(1);
    await expect(settleWithin(Promise.reject(new Error('no')), 1_000, null)).rejects.toThrow('no');
  });

  it('gives the other value after the deadline, and a failure after that ends nothing', async () => {
    let fail = (_: Error): void => undefined;
    const work = new Promise<number>((_, reject) => {
      fail = reject;
    });
    expect(await settleWithin(work, 5, 'late')).toBe('late');
    fail(new Error('afterwards'));
    await new Promise((resolve) => setImmediate(resolve));
  });
});
