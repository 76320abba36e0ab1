import { Injectable } from '@nestjs/common';
import { RateLimiterMemory } from 'rate-limiter-flexible';

/** Counts the requests of clients, for their `rate_limit_per_second`: over windows of a second, on each replica by itself. */
@Injectable()
export class ClientRateLimiter {
  readonly #counts = new RateLimiterMemory({ points: 1, duration: 1 });

  /** Counts one request of a client: how many that are in the present second, and when to come again. */
  async count(clientId: string): Promise<{ requests: number; retryAfterSeconds: number }> {
    const { consumedPoints, msBeforeNext } = await this.#counts.penalty(clientId);
    return { requests: consumedPoints, retryAfterSeconds: Math.max(1, Math.ceil(msBeforeNext / 1000)) };
  }
}
