import type { ThrottleScope } from '../errors/classify-error.ts';
import type { UsageReport } from './usage-headers.ts';

/** Hears what each answer says about the limits of an app, so that background work can pace itself. Must not throw or wait. */
export abstract class UsageObserver {
  /** `throttle` is set where Meta refused the call for a limit; seconds null: no time was named. */
  abstract observe(appId: string, usage: UsageReport, throttle: ThrottleNotice | null): void;
}

export interface ThrottleNotice {
  scope: ThrottleScope;
  retryAfterSeconds: number | null;
}
