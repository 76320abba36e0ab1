import { Inject, Injectable } from '@nestjs/common';
import ipaddr from 'ipaddr.js';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { AuditLog } from '../audit/audit-log.ts';
import { Database } from '../database/database.ts';
import { LOGGER, type Pino } from '../platform/logger.ts';
import { AppError } from '../platform/problem.ts';
import type { KeyRefusal } from './callers.ts';
import { RefusalCounter, tooManyAttempts, unauthenticated } from './refusal.ts';

const ATTEMPTS = 10;
const WINDOW_SECONDS = 60;

/**
 * Limits wrong keys by address, in the memory of this replica. It is asked only after a key was found to be wrong, so a good key
 * passes whatever else comes from its address (an office, a proxy). What a wrong key costs us at the most is one look-up by
 * primary key; one in the wrong form costs none.
 */
@Injectable()
export class FailedAttempts {
  readonly #limiter = new RateLimiterMemory({ points: ATTEMPTS, duration: WINDOW_SECONDS });

  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly refusals: RefusalCounter,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  /** Notes a wrong key; what to answer: 401 `unauthenticated`, or 429 `too_many_attempts` from the eleventh in a minute on. */
  async refuse(address: string, reason: KeyRefusal, requestId: string): Promise<AppError> {
    const network = networkOf(address);
    const { consumedPoints, msBeforeNext, isFirstInDuration } = await this.#limiter.penalty(network);
    if (isFirstInDuration) await this.record(network, reason, requestId);
    if (consumedPoints <= ATTEMPTS) {
      this.refusals.count(reason);
      return new AppError(unauthenticated);
    }
    this.refusals.count('too_many_attempts');
    return new AppError(tooManyAttempts, { retryAfterSeconds: Math.max(1, Math.ceil(msBeforeNext / 1000)) });
  }

  /** Once for an address and window, so that a flood of wrong keys is no flood of entries. */
  private async record(address: string, reason: KeyRefusal, requestId: string): Promise<void> {
    try {
      await this.audit.record(this.database, {
        action: 'access.refused',
        actor: { kind: 'client', id: null },
        requestId,
        details: { address, reason },
      });
    } catch (error) {
      // A refusal serves nothing, so it stands without its entry; it must not turn into a 500 that tells of our database.
      this.logger.error({ err: error, address, reason }, 'a refusal could not be recorded');
    }
  }
}

/** The address, or for IPv6 its /64: one customer of a provider owns all of that. */
export function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return 'unknown';
  const parsed = ipaddr.process(address);
  if (!(parsed instanceof ipaddr.IPv6)) return parsed.toString();
  return `${new ipaddr.IPv6([...parsed.parts.slice(0, 4), 0, 0, 0, 0]).toString()}/64`;
}
