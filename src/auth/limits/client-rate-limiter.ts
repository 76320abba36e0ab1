import { Injectable } from '@nestjs/common';
import type { CallerId } from '../ids.ts';
import type { LimitDecision, LimitPolicy } from './shared-limit.ts';
import { SharedLimits } from './shared-limits.ts';

/** Keeps clients to `rate_limit_per_second`, in one-second windows over all replicas. */
@Injectable()
export class ClientRateLimiter {
  constructor(private readonly limits: SharedLimits) {}

  /** Counts a request. */
  take(clientId: CallerId, limitPerSecond: number): LimitDecision {
    return this.limits.take(clientId, policyOf(limitPerSecond));
  }

  /** Reconsiders a request that `take` refused, under the current limit. */
  retake(clientId: CallerId, limitPerSecond: number): LimitDecision {
    return this.limits.retake(clientId, policyOf(limitPerSecond));
  }
}

function policyOf(limit: number): LimitPolicy {
  return { limit, periodMs: 1_000, carry: 'excess' };
}
