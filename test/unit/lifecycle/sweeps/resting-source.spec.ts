import { describe, expect, it } from '@jest/globals';
import { RestingSource } from '../../../../src/lifecycle/sweeps/resting-source.ts';

/** A source whose search takes `tookMs`, on a clock of its own. */
function open(answers: string[][], tookMs: number) {
  const clock = { ms: 0, searches: 0 };
  const source = new RestingSource<string>(
    async () => {
      clock.searches++;
      clock.ms += tookMs;
      return answers.shift() ?? [];
    },
    () => clock.ms,
  );
  return { clock, source };
}

describe('a source that was found empty', () => {
  it('is not searched again before twenty times as long has passed', async () => {
    const { clock, source } = open([[], ['due']], 1_000);
    await source.claim(8, false);
    clock.ms += 19_999;
    expect(await source.claim(8, false)).toEqual([]);
    expect(clock.searches).toBe(1);
    clock.ms += 1;
    expect(await source.claim(8, false)).toEqual(['due']);
  });

  it('is not searched again before ten seconds have passed, however short the search was', async () => {
    const { clock, source } = open([[], ['due']], 1);
    await source.claim(8, false);
    clock.ms += 9_999;
    expect(await source.claim(8, false)).toEqual([]);
    clock.ms += 1;
    expect(await source.claim(8, false)).toEqual(['due']);
  });

  it('is searched at once if nothing else is under way', async () => {
    const { source } = open([[], ['due']], 10);
    await source.claim(8, false);
    expect(await source.claim(8, true)).toEqual(['due']);
  });
});

it('does not rest while there is something', async () => {
  const { clock, source } = open([['one'], ['two']], 10);
  expect(await source.claim(1, false)).toEqual(['one']);
  expect(await source.claim(1, false)).toEqual(['two']);
  expect(clock.searches).toBe(2);
});
