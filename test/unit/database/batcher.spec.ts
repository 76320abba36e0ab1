import { describe, expect, it } from '@jest/globals';
import { Batcher } from '../../../src/database/batcher.ts';

const DEADLINE = { ms: 50, error: () => new Error('too late') };

/** A batcher whose runs end on demand, and the inputs of each run. */
function held(options: ConstructorParameters<typeof Batcher>[1]) {
  const runs: { inputs: number[]; end: () => void }[] = [];
  const batcher = new Batcher<number, number>(
    (inputs) => new Promise((resolve) => runs.push({ inputs, end: () => resolve(inputs) })),
    options,
  );
  return { batcher, runs };
}

const tick = () => new Promise((resolve) => setImmediate(resolve));

describe('a batcher with a deadline', () => {
  it('resolves calls that finish in time', async () => {
    const { batcher, runs } = held({ maxSize: 10, maxInFlight: 1, deadline: DEADLINE });
    const responses = Promise.all([batcher.submit(1), batcher.submit(2)]);
    await tick();
    runs[0]?.end();
    expect(await responses).toEqual([1, 2]);
  });

  it('rejects calls whose statement hangs, and queued ones, which never run', async () => {
    const { batcher, runs } = held({ maxSize: 10, maxInFlight: 1, deadline: DEADLINE });
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

  it('accepts a response that arrived while the process was stalled', async () => {
    const { batcher, runs } = held({ maxSize: 10, maxInFlight: 1, deadline: DEADLINE });
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

it('starts another statement beside one in flight only for as many calls as it says', async () => {
  const { batcher, runs } = held({ maxSize: 10, maxInFlight: 2, minBesides: 3 });
  const calls = [batcher.submit(1)];
  await tick();
  calls.push(batcher.submit(2), batcher.submit(3));
  await tick();
  expect(runs.map(({ inputs }) => inputs)).toEqual([[1]]);
  calls.push(batcher.submit(4));
  await tick();
  expect(runs.map(({ inputs }) => inputs)).toEqual([[1], [2, 3, 4]]);
  calls.push(batcher.submit(5));
  for (const { end } of runs) end();
  await tick();
  runs[2]?.end();
  expect(await Promise.all(calls)).toEqual([1, 2, 3, 4, 5]);
});

it('starts more statements than usual for full batches', async () => {
  const { batcher, runs } = held({ maxSize: 2, maxInFlight: 1, maxFullInFlight: 2 });
  const calls = [batcher.submit(1)];
  await tick();
  calls.push(batcher.submit(2));
  await tick();
  expect(runs.map(({ inputs }) => inputs)).toEqual([[1]]);
  calls.push(batcher.submit(3), batcher.submit(4), batcher.submit(5), batcher.submit(6));
  await tick();
  expect(runs.map(({ inputs }) => inputs)).toEqual([[1], [2, 3]]);
  for (let index = 0; index < 4; index++) {
    runs[index]?.end();
    await tick();
  }
  expect(runs.map(({ inputs }) => inputs)).toEqual([[1], [2, 3], [4, 5], [6]]);
  expect(await Promise.all(calls)).toEqual([1, 2, 3, 4, 5, 6]);
});
