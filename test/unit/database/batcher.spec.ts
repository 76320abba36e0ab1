import { describe, expect, it } from '@jest/globals';
import { Batcher } from '../../../src/database/batcher.ts';

const DEADLINE = { ms: 50, error: () => new Error('too late') };

/** A batcher whose runs end when told to, and what each run was given. */
function held(maxInFlight: number) {
  const runs: { inputs: number[]; end: () => void }[] = [];
  const batcher = new Batcher<number, number>(
    (inputs) => new Promise((resolve) => runs.push({ inputs, end: () => resolve(inputs) })),
    { maxSize: 10, maxInFlight, deadline: DEADLINE },
  );
  return { batcher, runs };
}

const tick = () => new Promise((resolve) => setImmediate(resolve));

describe('a batcher with a deadline', () => {
  it('answers what comes in time', async () => {
    const { batcher, runs } = held(1);
    const responses = Promise.all([batcher.submit(1), batcher.submit(2)]);
    await tick();
    runs[0]?.end();
    expect(await responses).toEqual([1, 2]);
  });

  it('refuses those whose statement hangs and those that wait behind it, which then are never run', async () => {
    const { batcher, runs } = held(1);
    const hanging = batcher.submit(1);
    await tick();
    const waiting = batcher.submit(2);
    await expect(hanging).rejects.toThrow('too late');
    await expect(waiting).rejects.toThrow('too late');
    const later = batcher.submit(3);
    runs[0]?.end();
    await tick();
    runs[1]?.end();
    expect(await later).toBe(3);
    expect(runs.map(({ inputs }) => inputs)).toEqual([[1], [3]]);
  });

  it('takes a response that has come while the process was held up', async () => {
    const { batcher, runs } = held(1);
    const response = batcher.submit(1);
    await tick();
    setImmediate(() => {
      const heldUpUntil = performance.now() + 80;
      while (performance.now() < heldUpUntil);
      runs[0]?.end();
    });
    expect(await response).toBe(1);
  });
});
