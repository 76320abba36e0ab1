import { describe, expect, it } from '@jest/globals';
import type { AppFailures } from '../../../../src/apps/app-failures.service.ts';
import { AppFailureReports } from '../../../../src/lifecycle/rate-limit/app-failure-reports.ts';
import { BREAK_SECONDS, UNKNOWN_RATE_LIMIT } from '../../../../src/lifecycle/rate-limit/rate-limit-rules.ts';
import { addSeconds } from '../../../../src/platform/clock.ts';
import { createLogger } from '../../../../src/platform/logger.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

describe('reports of limits', () => {
  it('are stored while the limit is in effect, and not once it is over: only the next accepted call would end them', async () => {
    const clock = new FakeClock();
    const stored: string[] = [];
    const failures = { reportThrottled: async (appId: string) => void stored.push(appId) } as unknown as AppFailures;
    const reports = new AppFailureReports(failures, clock, createLogger('silent'));
    const stoppedUntil = addSeconds(clock.now(), 60);
    const limits = () => ({ ...UNKNOWN_RATE_LIMIT, stoppedUntil });

    reports.throttled('1');
    await reports.flush(limits);
    expect(stored).toEqual(['1']);

    reports.throttled('2');
    clock.advance(60 + BREAK_SECONDS);
    await reports.flush(limits);
    await reports.flush(limits);
    expect(stored).toEqual(['1']);
  });
});
