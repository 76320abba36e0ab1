import { describe, expect, it } from '@jest/globals';
import { type ClaimSource, claimAlternately } from '../../../../src/lifecycle/sweeps/claim-alternately.ts';

/** Sources by name, with this many items left. */
function sourcesOf(left: Record<string, number>): ClaimSource<string>[] {
  return Object.keys(left).map((name) => async (limit) => {
    const found = Math.min(limit, left[name] ?? 0);
    left[name] = (left[name] ?? 0) - found;
    return Array<string>(found).fill(name);
  });
}

function count(claimed: readonly string[]): Record<string, number> {
  return Object.fromEntries([...new Set(claimed)].map((one) => [one, claimed.filter((other) => other === one).length]));
}

describe('claiming from several sources', () => {
  it('gives each half of what is left, however much the first ones have', async () => {
    const sources = sourcesOf({ rotations: 1_000, ending: 1_000, others: 1_000 });
    expect(count(await claimAlternately(sources, 0, 32))).toEqual({ rotations: 16, ending: 8, others: 8 });
    expect(count(await claimAlternately(sources, 1, 32))).toEqual({ ending: 16, others: 8, rotations: 8 });
  });

  it('gives the others what one did not take', async () => {
    expect(count(await claimAlternately(sourcesOf({ a: 0, b: 1_000, c: 2 }), 0, 32))).toEqual({ b: 30, c: 2 });
    expect(count(await claimAlternately(sourcesOf({ a: 1_000, b: 0, c: 0 }), 1, 32))).toEqual({ a: 32 });
  });

  it('alternates if one item is claimed at a time', async () => {
    const sources = sourcesOf({ a: 9, b: 9, c: 9 });
    const claimed = await Promise.all([0, 1, 2, 3].map((first) => claimAlternately(sources, first, 1)));
    expect(claimed).toEqual([['a'], ['b'], ['c'], ['a']]);
  });

  it('keeps what was claimed before a source failed, and rejects only if nothing was', async () => {
    const broken: ClaimSource<string> = () => Promise.reject(new Error('gone'));
    expect(await claimAlternately([...sourcesOf({ a: 9 }), broken], 0, 8)).toEqual(['a', 'a', 'a', 'a']);
    await expect(claimAlternately([broken, ...sourcesOf({ a: 9 })], 0, 8)).rejects.toThrow('gone');
  });
});
