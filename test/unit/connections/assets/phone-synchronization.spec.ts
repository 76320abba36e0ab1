import { describe, expect, it } from '@jest/globals';
import {
  claimedKind,
  isRequestable,
  isWindowClosed,
  openKinds,
  startSynchronization,
} from '../../../../src/connections/assets/phone-synchronization.ts';

const NOW = new Date('2026-11-22T12:00:00.000Z');
const later = (seconds: number) => new Date(NOW.getTime() + seconds * 1000);

describe('a synchronization', () => {
  it('may be requested for a day, or indefinitely if the time of signup is unknown', () => {
    const synchronization = startSynchronization(NOW);
    expect(synchronization.deadline_at).toBe('2026-11-23T12:00:00.000Z');
    expect([0, 86_399, 86_400].map((seconds) => isWindowClosed(synchronization, later(seconds)))).toEqual([
      false,
      false,
      true,
    ]);
    expect(isWindowClosed(startSynchronization(null), later(1e6))).toBe(false);
  });

  it('is requested once, unless it failed', () => {
    expect(isRequestable({ status: 'not_requested' }, NOW)).toBe(true);
    expect(isRequestable({ status: 'failed', at: NOW.toISOString() }, NOW)).toBe(true);
    expect(isRequestable({ status: 'requested', at: NOW.toISOString(), request_id: 'r' }, later(1e6))).toBe(false);
    expect(isRequestable({ status: 'requested', at: NOW.toISOString() }, later(1e6))).toBe(false);
  });

  it('may be requested again after a while if its outcome is unknown, and says so', () => {
    const claimed = claimedKind(NOW);
    expect(claimed).toMatchObject({ status: 'requested', outcome: 'unknown', at: NOW.toISOString() });
    expect(claimed.remedy).toContain('2026-11-22T12:05:00.000Z');
    expect([0, 299, 300].map((seconds) => isRequestable(claimed, later(seconds)))).toEqual([false, false, true]);
  });

  it('lists what has not been requested', () => {
    const synchronization = { ...startSynchronization(NOW), contacts: claimedKind(NOW) };
    expect(openKinds(synchronization, NOW)).toEqual(['history']);
    expect(openKinds(synchronization, later(300))).toEqual(['contacts', 'history']);
  });
});
