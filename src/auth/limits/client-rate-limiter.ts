import { Injectable } from '@nestjs/common';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import type { ClientId } from '../ids.ts';
import { toRetryAfterSeconds } from './retry-after.ts';

/** Counts requests for `rate_limit_per_second`, in one-second windows per replica. */
@Injectable()
export class ClientRateLimiter {
  readonly #counts = new RateLimiterMemory({ points: 1, duration: 1 });

  /** Counts a request. Returns the total in the current second and the seconds until the next, rounded up. */
  async count(clientId: ClientId): Promise<{ requests: number; retryAfterSeconds: number }> {
    const count = await this.#counts.penalty(clientId);
    return { requests: count.consumedPoints, retryAfterSeconds: toRetryAfterSeconds(count) };
  }
}
