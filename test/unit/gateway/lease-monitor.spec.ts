import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { LeaseWatch } from '../../../src/gateway/lease-monitor.ts';
import type { LeaseCheck } from '../../../src/leases/gateway-lease-verifier.ts';
import { createLogger } from '../../../src/platform/logger.ts';

let good: Set<string> | null = new Set();
const asked: string[][] = [];
const leases = {
  stillGood: async (ids: string[]) => {
    asked.push(ids);
    if (good === null) throw new Error('no database');
    return good;
  },
} as unknown as LeaseCheck;

let watch: LeaseWatch;
const ended: string[] = [];
const begin = (lease: string, call = lease) => watch.begin(lease, (code) => ended.push(`${call} ${code}`));

beforeEach(() => {
  jest.useFakeTimers();
  watch = new LeaseWatch(leases, createLogger('fatal'));
  good = new Set();
  asked.length = 0;
  ended.length = 0;
});
afterEach(() => {
  watch.close();
  jest.useRealTimers();
});

describe('LeaseWatch', () => {
  it('asks nothing for calls that are over soon', async () => {
    const stop = begin('lse_a');
    await jest.advanceTimersByTimeAsync(150);
    stop();
    await jest.advanceTimersByTimeAsync(1_000);
    expect([asked, jest.getTimerCount()]).toEqual([[], 0]);
  });

  it('ends the calls of leases that have ended, and no others, with one question for all', async () => {
    good = new Set(['lse_a']);
    begin('lse_a');
    begin('lse_b', 'first');
    begin('lse_b', 'second');
    await jest.advanceTimersByTimeAsync(200);
    expect([asked, ended]).toEqual([[['lse_a', 'lse_b']], ['first lease_invalid', 'second lease_invalid']]);
  });

  it('lets calls run while it cannot look, but not for long', async () => {
    good = null;
    begin('lse_a');
    await jest.advanceTimersByTimeAsync(9_000);
    expect(ended).toEqual([]);
    await jest.advanceTimersByTimeAsync(1_500);
    expect(ended).toContain('lse_a database_unavailable');
  });

  it('counts the time without a look from the last look on', async () => {
    good = null;
    begin('lse_a');
    await jest.advanceTimersByTimeAsync(9_000);
    good = new Set(['lse_a']);
    await jest.advanceTimersByTimeAsync(200);
    good = null;
    await jest.advanceTimersByTimeAsync(9_000);
    expect(ended).toEqual([]);
  });
});
