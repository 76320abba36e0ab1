import { createHash, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Config } from '../config/config.ts';
import { isFromOperationsListener } from '../platform/http-server/operations-listener.ts';
import { AppError, notFound } from '../platform/problem.ts';
import type { SecretString } from '../platform/secret-string.ts';
import { unauthenticated } from './auth-problems.ts';
import { readBearerToken } from './bearer-token.ts';
import { RejectedCredential } from './credentials/rejected-credential.ts';
import { FailedAttemptLimiter } from './limits/failed-attempt-limiter.ts';
import { RefusalCounter } from './refusal-counter.ts';

const NEEDS_TOKEN = {
  detail: 'This page is for operators.',
  remedy: 'Send the operations token as Authorization: Bearer …, or use the operations port.',
};

/** Distinguishes operators, who may see metrics and the details of readiness, from everyone else. */
@Injectable()
export class OperatorAccess {
  constructor(
    private readonly config: Config,
    private readonly attempts: FailedAttemptLimiter,
    private readonly counter: RefusalCounter,
  ) {}

  /** Whether the request came by the operations listener, has the token, or neither is needed. */
  isOperator(request: FastifyRequest): boolean {
    const { isPublic } = this.config.operations;
    return isPublic || isFromOperationsListener(request.raw) || this.hasToken(request);
  }

  /** Whether the request has the operations token, which is not a client's key. */
  hasToken(request: FastifyRequest): boolean {
    const { token } = this.config.operations;
    const given = readBearerToken(request);
    return token !== null && given !== undefined && isSame(given, token);
  }

  /** Returns true for operators. Throws 404 `not_found` if no token is set, else 401 `unauthenticated` or 429. */
  async require(request: FastifyRequest): Promise<true> {
    if (this.isOperator(request)) return true;
    if (this.config.operations.token === null) throw new AppError(notFound);
    if (readBearerToken(request) === undefined) {
      this.counter.count('missing_key');
      throw new AppError(unauthenticated, NEEDS_TOKEN);
    }
    const wrong = new RejectedCredential('unknown_key');
    const refused = await this.attempts.refuse(request.ip, wrong, String(request.id));
    throw refused.type === unauthenticated ? new AppError(unauthenticated, NEEDS_TOKEN) : refused;
  }
}

/** Compares hashes, so that timing reveals neither content nor length. */
function isSame(given: string, token: SecretString): boolean {
  return timingSafeEqual(digest(given), digest(token.expose()));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
