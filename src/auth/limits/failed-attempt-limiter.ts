import { Injectable } from '@nestjs/common';
import ipaddr from 'ipaddr.js';
import { AppError } from '../../platform/problem.ts';
import { tooManyAttempts, unauthenticated } from '../auth-problems.ts';
import type { RejectedCredential } from '../credentials/rejected-credential.ts';
import { RefusalCounter } from '../refusal-counter.ts';
import { RefusalListener } from '../refusal-listener.ts';
import { toRetryAfterSeconds } from './retry-after.ts';
import type { LimitPolicy } from './shared-limit.ts';
import { SharedLimits } from './shared-limits.ts';

const ATTEMPTS: LimitPolicy = { limit: 10, periodMs: 60_000, carry: 'sliding' };

/**
 * Limits failed attempts by address, over all replicas. Consulted only after a credential has failed, so valid keys
 * pass even if others at the same address (an office, a proxy) send invalid ones.
 */
@Injectable()
export class FailedAttemptLimiter {
  constructor(
    private readonly limits: SharedLimits,
    private readonly refusals: RefusalListener,
    private readonly counter: RefusalCounter,
  ) {}

  /**
   * Counts a failed attempt. Returns the error to throw: 401 `unauthenticated`, or 429 `too_many_attempts` from the
   * eleventh in a minute.
   */
  async refuse(address: string, refused: RejectedCredential, requestId: string): Promise<AppError> {
    const network = networkOf(address);
    const attempt = this.limits.take(`attempts:${network}`, ATTEMPTS);
    await this.reportRefusal(network, refused, requestId);
    if (attempt.isGranted) {
      this.counter.count(refused.reason);
      return new AppError(unauthenticated);
    }
    this.counter.count('too_many_attempts');
    return new AppError(tooManyAttempts, { retryAfterSeconds: toRetryAfterSeconds(attempt) });
  }

  /** Groups unknown credentials by address, and known keys and subjects by themselves. */
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
      caller: clientId === null ? null : { clientId },
      requestId,
      details: { ...details, address: network, reason },
    });
  }
}

/** Returns an IPv4 address, or the /64 of an IPv6 address, which a single customer usually owns. */
export function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return 'unknown';
  const parsed = ipaddr.process(address);
  if (!(parsed instanceof ipaddr.IPv6)) return parsed.toString();
  return `${new ipaddr.IPv6([...parsed.parts.slice(0, 4), 0, 0, 0, 0]).toString()}/64`;
}
