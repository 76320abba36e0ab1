import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { clientRefusal, RefusalRecord } from '../audit/refusal-auditor.ts';
import { LOGGER, type Pino } from '../platform/logger.ts';
import { AppError } from '../platform/problem.ts';
import { forbidden, RefusalCounter, rateLimited } from './auth-problems.ts';
import type { Caller } from './authenticated-client.ts';
import { Authentication } from './authentication.service.ts';
import { MAX_AGE_MS } from './client-resolver.ts';
import { ACCESS, type AccessRule, type CalledRequest } from './decorators.ts';
import { ClientRateLimit } from './limits/client-rate-limiter.ts';

/** How old a remembered limit may be that refuses: a flood of refusals is a look-up a second. */
const LIMIT_AGE_MS = 1_000;

/**
 * Stands before every route of the service. Who calls (401), whether it calls too often (429), whether its role may (403), in
 * this order, and all of it before the pipes look at the input. A route that declares nothing is closed to everyone.
 */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authentication: Authentication,
    private readonly rateLimit: ClientRateLimit,
    private readonly counter: RefusalCounter,
    private readonly record: RefusalRecord,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  /** True, with `request.caller` set where the route has roles. Throws the refusal otherwise. */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const rule = this.reflector.getAllAndOverride<AccessRule | undefined>(ACCESS, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (rule === undefined) return this.refuseUndeclared(context);
    if (rule.kind === 'public') return true;
    const request = context.switchToHttp().getRequest<CalledRequest>();
    const maxAgeMs = rule.fresh ? 0 : MAX_AGE_MS;
    const caller = await this.authentication.callerOf(request, maxAgeMs);
    if (caller.rateLimitPerSecond !== null) await this.holdToRate(caller, request, maxAgeMs);
    if (!rule.roles.includes(caller.role)) {
      await this.note(caller, request, 'forbidden');
      throw new AppError(forbidden);
    }
    request.caller = caller;
    return true;
  }

  private async holdToRate(caller: Caller, request: FastifyRequest, maxAgeMs: number): Promise<void> {
    const { requests, retryAfterSeconds } = await this.rateLimit.count(caller.clientId);
    if (isWithin(caller, requests)) return;
    // What is only remembered refuses nobody for long: the limit may have become higher.
    const known = maxAgeMs > 0 ? await this.authentication.callerOf(request, LIMIT_AGE_MS) : caller;
    if (isWithin(known, requests)) return;
    await this.note(caller, request, 'rate_limited');
    throw new AppError(rateLimited, { retryAfterSeconds });
  }

  private note({ clientId }: Caller, request: FastifyRequest, reason: 'forbidden' | 'rate_limited'): Promise<void> {
    this.counter.count(reason);
    return this.record.note(clientRefusal(clientId, request, reason));
  }

  private refuseUndeclared(context: ExecutionContext): never {
    const route = `${context.getClass().name}.${context.getHandler().name}`;
    this.counter.count('undeclared_route');
    this.logger.error({ route }, 'a route declares neither @Public() nor @Roles(): it is closed until it does');
    throw new AppError(forbidden);
  }
}

function isWithin({ rateLimitPerSecond }: Caller, requests: number): boolean {
  return rateLimitPerSecond === null || requests <= rateLimitPerSecond;
}
