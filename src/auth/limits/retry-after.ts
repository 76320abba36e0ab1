import type { LimitDecision } from './shared-limit.ts';

/** Whole seconds for a Retry-After header, at least 1. */
export function toRetryAfterSeconds({ resetMs }: LimitDecision): number {
  return Math.max(1, Math.ceil(resetMs / 1000));
}
