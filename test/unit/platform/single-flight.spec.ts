import { describe, expect, it } from '@jest/globals';
import { SingleFlight } from '../../../src/platform/single-flight.ts';

describe('SingleFlight', () => {
  it('shares a run among concurrent callers and then starts a new one', async () => {
    const flights = new SingleFlight<number>();
    let runs = 0;
    const work = async (): Promise<number> => ++runs;
    const first = flights.run('a', work);
    expect(flights.run('a', work)).toBe(first);
    expect(flights.find('a')).toBe(first);
    expect(await Promise.all([first, flights.run('b', work)])).toEqual([1, 2]);
    expect(flights.find('a')).toBeUndefined();
    expect(await flights.run('a', work)).toBe(3);
  });

  it('forgets a run that fails', async () => {
    const flights = new SingleFlight<number>();
    await expect(flights.run('a', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await flights.run('a', () => Promise.resolve(1))).toBe(1);
  });
});
