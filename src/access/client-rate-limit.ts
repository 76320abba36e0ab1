import { Injectable } from '@nestjs/common';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { AppError } from '../platform/problem.ts';
import { RefusalCounter, rateLimited } from './refusal.ts';

/** Holds each client to its own `rate_limit_per_second`, over windows of a second, on each replica by itself. */
@Injectable()
export class ClientRateLimit {
  /** Counts only; each client's own limit is compared below. */
  readonly #counts = new RateLimiterMemory({ points: 1, duration: 1 });

  constructor(private readonly refusals: RefusalCounter) {}

  /** Counts one request of a client. Throws 429 `rate_limited` over its limit; null is none. */
  async count(clientId: string, perSecond: number | null): Promise<void> {
    if (perSecond === null) return;
    const { consumedPoints, msBeforeNext } = await this.#counts.penalty(clientId);
    if (consumedPoints <= perSecond) return;
    this.refusals.count('rate_limited');
    throw new AppError(rateLimited, { retryAfterSeconds: Math.max(1, Math.ceil(msBeforeNext / 1000)) });
  }
}
