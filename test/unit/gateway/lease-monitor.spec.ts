import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { LeaseMonitor } from '../../../src/gateway/lease-monitor.ts';
import type { GatewayLeaseVerifier } from '../../../src/leases/gateway-lease-verifier.ts';
import { createLogger } from '../../../src/platform/logger.ts';

let good: Set<string> | null = new Set();
const asked: string[][] = [];
const leases = {
  filterActive: async (ids: string[]) => {
    asked.push(ids);
    if (good === null) throw new Error('no database');
    return good;
  },
} as unknown as GatewayLeaseVerifier;

let monitor: LeaseMonitor;
const ended: string[] = [];
const track = (lease: `lse_${string}`, call: string = lease) =>
  monitor.track(lease, (code) => ended.push(`${call} ${code}`));

beforeEach(() => {
  jest.useFakeTimers();
  monitor = new LeaseMonitor(leases, createLogger('fatal'));
  good = new Set();
  asked.length = 0;
  ended.length = 0;
});
afterEach(() => {
  monitor.close();
  jest.useRealTimers();
});

describe('LeaseMonitor', () => {
  it('asks nothing for calls that are over soon', async () => {
    const stop = track('lse_a');
    await jest.advanceTimersByTimeAsync(150);
    stop();
    await jest.advanceTimersByTimeAsync(1_000);
    expect([asked, jest.getTimerCount()]).toEqual([[], 0]);
  });

  it('ends the calls of leases that have ended, and no others, with one question for all', async () => {
    good = new Set(['lse_a']);
    track('lse_a');
    track('lse_b', 'first');
    track('lse_b', 'second');
    await jest.advanceTimersByTimeAsync(200);
    expect([asked, ended]).toEqual([[['lse_a', 'lse_b']], ['first lease_invalid', 'second lease_invalid']]);
  });

  it('lets calls run while it cannot look, but not for long', async () => {
    good = null;
    track('lse_a');
    await jest.advanceTimersByTimeAsync(9_000);
    expect(ended).toEqual([]);
    await jest.advanceTimersByTimeAsync(1_500);
    expect(ended).toContain('lse_a database_unavailable');
  });

  it('counts the time without a look from the last look on', async () => {
    good = null;
    track('lse_a');
    await jest.advanceTimersByTimeAsync(9_000);
    good = new Set(['lse_a']);
    await jest.advanceTimersByTimeAsync(200);
    good = null;
    await jest.advanceTimersByTimeAsync(9_000);
    expect(ended).toEqual([]);
  });
});
