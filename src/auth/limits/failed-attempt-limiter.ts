import { Injectable } from '@nestjs/common';
import ipaddr from 'ipaddr.js';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { AppError } from '../../platform/problem.ts';
import { tooManyAttempts, unauthenticated } from '../auth-problems.ts';
import type { RejectedCredential } from '../credentials/rejected-credential.ts';
import { RefusalCounter } from '../refusal-counter.ts';
import { RefusalListener } from '../refusal-listener.ts';
import { toRetryAfterSeconds } from './retry-after.ts';

const ATTEMPTS = 10;
const WINDOW_SECONDS = 60;

/**
 * Limits wrong keys by address, in the memory of this replica. It is consulted only after a key was found to be wrong, so a good key passes
 * whatever else comes from its address (an office, a proxy). A wrong key costs at most one primary-key lookup; one in the wrong form costs
 * none.
 */
@Injectable()
export class FailedAttemptLimiter {
  readonly #limiter = new RateLimiterMemory({ points: ATTEMPTS, duration: WINDOW_SECONDS });

  constructor(
    private readonly refusals: RefusalListener,
    private readonly counter: RefusalCounter,
  ) {}

  /**
   * Counts a wrong key or token. Returns the error to throw: 401 `unauthenticated`, or 429 `too_many_attempts` from the eleventh in a
   * minute on.
   */
  async refuse(address: string, refused: RejectedCredential, requestId: string): Promise<AppError> {
    const network = networkOf(address);
    const count = await this.#limiter.penalty(network);
    await this.reportRefusal(network, refused, requestId);
    if (count.consumedPoints <= ATTEMPTS) {
      this.counter.count(refused.reason);
      return new AppError(unauthenticated);
    }
    this.counter.count('too_many_attempts');
    return new AppError(tooManyAttempts, { retryAfterSeconds: toRetryAfterSeconds(count) });
  }

  /** Unknown credentials are grouped by address; a known key or subject is its own group. */
  private reportRefusal(
    network: string,
    { reason, clientId, details }: RejectedCredential,
    requestId: string,
  ): Promise<void> {
    const { subject } = details;
    const [kind, source] =
      clientId !== null ? [reason, clientId] : subject === undefined ? ['credential', network] : [reason, subject];
    return this.refusals.report({
      kind,
      source,
      clientId,
      requestId,
      details: { ...details, address: network, reason },
    });
  }
}

/** The address, or for IPv6 its /64, because one customer of a provider owns all of that. */
export function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return 'unknown';
  const parsed = ipaddr.process(address);
  if (!(parsed instanceof ipaddr.IPv6)) return parsed.toString();
  return `${new ipaddr.IPv6([...parsed.parts.slice(0, 4), 0, 0, 0, 0]).toString()}/64`;
}
