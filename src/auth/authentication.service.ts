import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { AppError } from '../platform/problem.ts';
import { addressNotAllowed, unauthenticated } from './auth-problems.ts';
import type { AuthenticatedClient, ResolvedClient } from './authenticated-client.ts';
import { readBearerToken } from './bearer-token.ts';
import { ClientResolver } from './client-resolver.ts';
import { RejectedCredential } from './credentials/rejected-credential.ts';
import { LastUseRecorder } from './last-use-recorder.ts';
import { FailedAttemptLimiter } from './limits/failed-attempt-limiter.ts';
import { isInRanges } from './limits/ip-allow-list.ts';
import { RefusalCounter } from './refusal-counter.ts';
import { RefusalListener } from './refusal-listener.ts';
import { SessionAuthenticator } from './session-authenticator.ts';

/** Authenticates requests and checks the client's IP allow list. */
@Injectable()
export class AuthenticationService {
  constructor(
    private readonly clientResolver: ClientResolver,
    private readonly attempts: FailedAttemptLimiter,
    private readonly counter: RefusalCounter,
    private readonly refusals: RefusalListener,
    private readonly lastUse: LastUseRecorder,
    private readonly sessions: SessionAuthenticator,
  ) {}

  /**
   * Returns the client of a request, or the person of its session; `maxAgeMs` as in `ClientResolver.resolve`. Throws
   * 401 `unauthenticated`, 429 `too_many_attempts`, 403 `address_not_allowed` and `origin_not_allowed`, 503
   * `identity_unavailable`. The problem filter adds `WWW-Authenticate` to a 401.
   */
  async authenticate(request: FastifyRequest, maxAgeMs: number): Promise<AuthenticatedClient> {
    const credential = readBearerToken(request);
    return credential === undefined
      ? this.authenticateSession(request)
      : this.authenticateCredential(credential, request, maxAgeMs);
  }

  /** Like `authenticate`, for a key or token that is not in the request's header. */
  async authenticateCredential(credential: string, request: FastifyRequest, maxAgeMs: number): Promise<ResolvedClient> {
    const found = await this.clientResolver.resolve(credential, maxAgeMs);
    if (found instanceof RejectedCredential) throw await this.attempts.refuse(request.ip, found, String(request.id));
    if (found.ipAllowList !== null && !isInRanges(found.ipAllowList, request.ip)) {
      // The cached list may be outdated: check the current one before refusing.
      if (maxAgeMs > 0) return this.authenticateCredential(credential, request, 0);
      throw await this.refuseAddress(found, request);
    }
    this.lastUse.report(found);
    return found;
  }

  private async authenticateSession(request: FastifyRequest): Promise<AuthenticatedClient> {
    const found = await this.sessions.authenticate(request);
    if (found === null) {
      // Probes and browsers send no credential; that doesn't count as a failed attempt.
      this.counter.count('missing_key');
      throw new AppError(unauthenticated);
    }
    if (found.ipAllowList !== null && !isInRanges(found.ipAllowList, request.ip))
      throw await this.refuseAddress(found, request);
    return found;
  }

  private async refuseAddress(client: AuthenticatedClient, { ip, id }: FastifyRequest): Promise<AppError> {
    const reason = 'address_not_allowed';
    this.counter.count(reason);
    const details = { reason, address: ip };
    await this.refusals.report({
      kind: reason,
      source: client.clientId,
      caller: client,
      requestId: String(id),
      details,
    });
    return new AppError(addressNotAllowed);
  }
}
