import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { nextAttemptAt } from '../../../../src/lifecycle/failures/next-attempt.ts';

const now = new Date('2026-11-22T12:00:00Z');
const facts = {
  now,
  attempts: 1,
  retryClass: 'soon' as const,
  expiresAt: null,
  retryAfterSeconds: null,
  fraction: 0.5,
};
const delay = (of: Partial<Parameters<typeof nextAttemptAt>[0]>): number =>
  (nextAttemptAt({ ...facts, ...of }).getTime() - now.getTime()) / 1000;
const inSeconds = (seconds: number): Date => new Date(now.getTime() + seconds * 1000);

describe('nextAttemptAt', () => {
  it('doubles the delay with each failure, up to a ceiling', () => {
    const steps = [1, 2, 3, 4, 5, 20].map((attempts) => delay({ attempts, fraction: 0.999999 }));
    expect(steps.map(Math.round)).toEqual([30, 60, 120, 240, 480, 3600]);
  });

  it('jitters over the whole delay', () => {
    expect(delay({ attempts: 6, fraction: 0 })).toBe(5);
    expect(delay({ attempts: 6, fraction: 0.5 })).toBe(480);
  });

  it('waits at least as long as Meta asked', () => {
    expect(delay({ retryAfterSeconds: 7200 })).toBe(7200);
  });

  it('fits several attempts before expiry, however often it failed', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 120, max: 86_400 }),
        fc.integer({ min: 1, max: 50 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (left, attempts, fraction) => {
          expect(delay({ attempts, fraction, retryClass: 'later', expiresAt: inSeconds(left) })).toBeLessThanOrEqual(
            Math.max(5, left / 8),
          );
        },
      ),
    );
  });

  it('keeps retrying after expiry: only a verdict ends a token', () => {
    expect(delay({ expiresAt: inSeconds(-3600), attempts: 3 })).toBe(60);
  });
});
