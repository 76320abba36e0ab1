import { Injectable } from '@nestjs/common';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import type { ClientId } from '../ids.ts';
import { toRetryAfterSeconds } from './retry-after.ts';

/** Counts the requests of clients, for their `rate_limit_per_second`: over windows of a second, on each replica by itself. */
@Injectable()
export class ClientRateLimiter {
  readonly #counts = new RateLimiterMemory({ points: 1, duration: 1 });

  /** Counts one request of a client: how many that are in the present second, and when to come again. */
  async count(clientId: ClientId): Promise<{ requests: number; retryAfterSeconds: number }> {
    const count = await this.#counts.penalty(clientId);
    return { requests: count.consumedPoints, retryAfterSeconds: toRetryAfterSeconds(count) };
  }
}
