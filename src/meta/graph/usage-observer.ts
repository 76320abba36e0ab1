import type { ThrottleScope } from '../errors/classify-error.ts';
import type { UsageReport } from './usage-headers.ts';

/** Receives what each response says about the limits of an app, so that background work can limit its rate. Must not throw or wait. */
export abstract class UsageObserver {
  /** `throttle` is set where Meta refused the call because of a limit; seconds null: no time was given. */
  abstract observe(appId: string, usage: UsageReport, throttle: ThrottleNotice | null): void;
}

export interface ThrottleNotice {
  scope: ThrottleScope;
  retryAfterSeconds: number | null;
}
