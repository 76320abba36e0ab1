import { Injectable } from '@nestjs/common';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import type { ClientId } from '../ids.ts';
import { toRetryAfterSeconds } from './retry-after.ts';

/** Enforces clients' `rate_limit_per_second` over windows of one second, per replica. */
@Injectable()
export class ClientRateLimiter {
  readonly #counts = new RateLimiterMemory({ points: 1, duration: 1 });

  /** Counts one request of a client: the total in the current second, and when to retry. */
  async count(clientId: ClientId): Promise<{ requests: number; retryAfterSeconds: number }> {
    const count = await this.#counts.penalty(clientId);
    return { requests: count.consumedPoints, retryAfterSeconds: toRetryAfterSeconds(count) };
  }
}
