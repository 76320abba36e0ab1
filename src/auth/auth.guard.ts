import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { LOGGER, type Pino } from '../platform/logger.ts';
import { AppError } from '../platform/problem.ts';
import { forbidden, freshSignInRequired, rateLimited } from './auth-problems.ts';
import type { AuthenticatedClient } from './authenticated-client.ts';
import { AuthenticationService } from './authentication.service.ts';
import { MAX_CACHE_AGE_MS } from './client-resolver.ts';
import {
  ACCESS_RULE,
  type AccessRule,
  type AuthenticatedRequest,
  type FreshSignInRule,
  NEEDS_FRESH_SIGN_IN,
} from './decorators.ts';
import { FreshSignIn } from './fresh-sign-in.ts';
import { ClientRateLimiter } from './limits/client-rate-limiter.ts';
import { setRateLimitHeaders } from './limits/rate-limit-headers.ts';
import { toRetryAfterSeconds } from './limits/retry-after.ts';
import type { LimitDecision } from './limits/shared-limit.ts';
import { OperatorAccess } from './operator-access.ts';
import { createClientRefusal } from './refusal.ts';
import { RefusalCounter } from './refusal-counter.ts';
import { RefusalListener } from './refusal-listener.ts';

/** Maximum age of a cached limit that refuses a request. Keeps a flood at one lookup per second. */
const MAX_CACHED_LIMIT_AGE_MS = 1_000;

/**
 * Checks authentication (401), rate limit (429), role and freshness of the sign-in (403) of every route, in this order,
 * before pipes parse the input. A route without an access decorator is closed to everyone.
 */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authentication: AuthenticationService,
    private readonly operators: OperatorAccess,
    private readonly rateLimit: ClientRateLimiter,
    private readonly counter: RefusalCounter,
    private readonly refusals: RefusalListener,
    private readonly freshSignIn: FreshSignIn,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  /** Returns true and, on routes with roles, sets `request.client`. Throws the refusal. */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const rule = this.reflector.getAllAndOverride<AccessRule | undefined>(ACCESS_RULE, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (rule === undefined) return this.rejectUndeclaredRoute(context);
    if (rule.kind === 'public') return true;
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    if (rule.kind === 'operators') return this.operators.require(request);
    const maxAgeMs = rule.shouldBypassCache ? 0 : MAX_CACHE_AGE_MS;
    const client = await this.authentication.authenticate(request, maxAgeMs);
    const { rateLimitPerSecond } = client;
    if (rateLimitPerSecond !== null) {
      const reply = context.switchToHttp().getResponse<FastifyReply>();
      const decision = this.rateLimit.take(client.clientId, rateLimitPerSecond);
      setRateLimitHeaders(reply, client, decision);
      if (!decision.isGranted) await this.reconsider(client, decision, request, reply, maxAgeMs);
    }
    if (!rule.roles.includes(client.role)) {
      await this.report(client, request, 'forbidden');
      throw new AppError(forbidden);
    }
    const fresh = this.reflector.get<FreshSignInRule | undefined>(NEEDS_FRESH_SIGN_IN, context.getHandler());
    if (fresh !== undefined && !this.freshSignIn.isSatisfied(client, fresh)) {
      await this.report(client, request, 'fresh_sign_in_required');
      throw new AppError(freshSignInRequired);
    }
    request.client = client;
    return true;
  }

  /** The cached limit may be outdated: checks the current one. Throws 429 `rate_limited` if that is also exceeded. */
  private async reconsider(
    client: AuthenticatedClient,
    refused: LimitDecision,
    request: FastifyRequest,
    reply: FastifyReply,
    maxAgeMs: number,
  ): Promise<void> {
    const known = maxAgeMs > 0 ? await this.authentication.authenticate(request, MAX_CACHED_LIMIT_AGE_MS) : client;
    const { clientId, rateLimitPerSecond } = known;
    if (rateLimitPerSecond === null) return setRateLimitHeaders(reply, known, refused);
    const isSame = rateLimitPerSecond === client.rateLimitPerSecond;
    const decision = isSame ? refused : this.rateLimit.retake(clientId, rateLimitPerSecond);
    setRateLimitHeaders(reply, known, decision);
    if (decision.isGranted) return;
    await this.report(client, request, 'rate_limited');
    throw new AppError(rateLimited, { retryAfterSeconds: toRetryAfterSeconds(decision) });
  }

  private report(
    client: AuthenticatedClient,
    request: FastifyRequest,
    reason: 'forbidden' | 'rate_limited' | 'fresh_sign_in_required',
  ): Promise<void> {
    this.counter.count(reason);
    return this.refusals.report(createClientRefusal(client, request, reason));
  }

  private rejectUndeclaredRoute(context: ExecutionContext): never {
    const route = `${context.getClass().name}.${context.getHandler().name}`;
    this.counter.count('undeclared_route');
    this.logger.error({ route }, 'route has neither @Public() nor @Roles() and is closed');
    throw new AppError(forbidden);
  }
}
