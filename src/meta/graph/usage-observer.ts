import type { ThrottleScope } from '../errors/classify-error.ts';
import type { UsageReport } from './usage-headers.ts';

/** What one response says about limits. */
export interface UsageNotice {
  usage: UsageReport;
  /** Set where Meta refused the call because of a limit; seconds null: no time was given. */
  throttle: { scope: ThrottleScope; retryAfterSeconds: number | null } | null;
  /** What the call was for: the id of Meta's object, or of our credential for calls to `me`. Null: nothing that has a limit of its own. */
  objectId: string | null;
}

/** Receives what each response says about the limits of an app, so that background work can limit its rate. Must not throw or block. */
export abstract class UsageObserver {
  abstract observe(appId: string, notice: UsageNotice): void;
}
