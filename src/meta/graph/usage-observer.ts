import type { ThrottleScope } from '../errors/classify-error.ts';
import type { UsageReport } from './usage-headers.ts';

/** What one response reveals about limits. */
export interface UsageNotice {
  usage: UsageReport;
  /** Set if Meta refused the call because of a limit. Seconds null: no time given. */
  throttle: { scope: ThrottleScope; retryAfterSeconds: number | null } | null;
  /**
   * Whose limit it may be: the id of Meta's object, or of our credential for calls to `me`. Null: nothing with a limit
   * of its own.
   */
  objectId: string | null;
}

/**
 * Receives each response's usage, so that background work can slow down. Called on the hot path: must not throw or
 * block.
 */
export abstract class UsageObserver {
  abstract observe(appId: string, notice: UsageNotice): void;
}
