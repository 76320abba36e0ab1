import type { RateLimiterRes } from 'rate-limiter-flexible';

/** Whole seconds for a Retry-After header, at least 1. */
export function toRetryAfterSeconds({ msBeforeNext }: RateLimiterRes): number {
  return Math.max(1, Math.ceil(msBeforeNext / 1000));
}
