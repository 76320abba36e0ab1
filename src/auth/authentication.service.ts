import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { AppError } from '../platform/problem.ts';
import { addressNotAllowed, unauthenticated } from './auth-problems.ts';
import type { AuthenticatedClient } from './authenticated-client.ts';
import { readBearerToken } from './bearer-token.ts';
import { ClientResolver } from './client-resolver.ts';
import { RejectedCredential } from './credentials/rejected-credential.ts';
import { LastUseRecorder } from './last-use-recorder.ts';
import { FailedAttemptLimiter } from './limits/failed-attempt-limiter.ts';
import { isInRanges } from './limits/ip-allow-list.ts';
import { RefusalCounter } from './refusal-counter.ts';
import { RefusalListener } from './refusal-listener.ts';

/** Authenticates requests and checks the client's IP allow list. */
@Injectable()
export class AuthenticationService {
  constructor(
    private readonly clientResolver: ClientResolver,
    private readonly attempts: FailedAttemptLimiter,
    private readonly counter: RefusalCounter,
    private readonly refusals: RefusalListener,
    private readonly lastUse: LastUseRecorder,
  ) {}

  /**
   * Returns the client of a request; `maxAgeMs` as in `ClientResolver.resolve`. Throws 401 `unauthenticated`, 429
   * `too_many_attempts`, 403 `address_not_allowed`, 503 `identity_unavailable`. The problem filter adds
   * `WWW-Authenticate` to a 401.
   */
  async authenticate(request: FastifyRequest, maxAgeMs: number): Promise<AuthenticatedClient> {
    const credential = readBearerToken(request);
    if (credential === undefined) {
      // Probes and browsers send no credential; that doesn't count as a failed attempt.
      this.counter.count('missing_key');
      throw new AppError(unauthenticated);
    }
    const found = await this.clientResolver.resolve(credential, maxAgeMs);
    if (found instanceof RejectedCredential) throw await this.attempts.refuse(request.ip, found, String(request.id));
    if (found.ipAllowList !== null && !isInRanges(found.ipAllowList, request.ip)) {
      // The cached list may be outdated: check the current one before refusing.
      if (maxAgeMs > 0) return this.authenticate(request, 0);
      throw await this.refuseAddress(found, request);
    }
    this.lastUse.report(found);
    return found;
  }

  private async refuseAddress({ clientId }: AuthenticatedClient, { ip, id }: FastifyRequest): Promise<AppError> {
    const reason = 'address_not_allowed';
    this.counter.count(reason);
    const details = { reason, address: ip };
    await this.refusals.report({ kind: reason, source: clientId, clientId, requestId: String(id), details });
    return new AppError(addressNotAllowed);
  }
}
