import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { forEachConcurrent } from '../../../../src/lifecycle/sweeps/for-each-concurrent.ts';

describe('forEachConcurrent', () => {
  it('processes everything once, within the limit, drawing in batches', async () => {
    const left = Array.from({ length: 100 }, (_, index) => index);
    const done: number[] = [];
    let running = 0;
    let most = 0;
    let draws = 0;
    await forEachConcurrent<number>({
      concurrency: async () => 8,
      next: async (count) => {
        draws++;
        return left.splice(0, count);
      },
      work: async (item) => {
        running++;
        most = Math.max(most, running);
        await sleep(1);
        running--;
        done.push(item);
      },
    });
    expect(done.sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, index) => index));
    expect(most).toBe(8);
    expect(draws).toBeLessThan(80);
  });

  it('finishes what was started when nothing is allowed now', async () => {
    let begun = 0;
    let ended = 0;
    await forEachConcurrent<number>({
      concurrency: async () => (begun < 4 ? 4 : 0),
      next: async (count) => Array.from({ length: count }, () => 0),
      work: async () => {
        begun++;
        await sleep(5);
        ended++;
      },
    });
    expect([begun, ended]).toEqual([4, 4]);
  });

  it('rejects with the error of drawing, after started items have ended', async () => {
    let draws = 0;
    let ended = 0;
    const run = forEachConcurrent<number>({
      concurrency: async () => 2,
      next: async () => {
        if (++draws > 1) throw new Error('gone');
        return [1];
      },
      work: async () => {
        await sleep(5);
        ended++;
      },
    });
    await expect(run).rejects.toThrow('gone');
    expect(ended).toBe(1);
  });
});
