import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { LOGGER, type Pino } from '../platform/logger.ts';
import { AppError } from '../platform/problem.ts';
import type { Caller } from './caller.ts';
import { Callers } from './callers.ts';
import { ClientRateLimit } from './client-rate-limit.ts';
import { ACCESS, type AccessRule, type CalledRequest } from './decorators.ts';
import { FailedAttempts } from './failed-attempts.ts';
import { forbidden, RefusalCounter, unauthenticated } from './refusal.ts';

const BEARER = /^bearer +([\x21-\x7e]+) *$/i;

/**
 * Stands before every route of the service. Who calls (401), whether it calls too often (429), whether its role may (403), in
 * this order, and all of it before the pipes look at the input. A route that declares nothing is closed to everyone.
 */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly callers: Callers,
    private readonly attempts: FailedAttempts,
    private readonly rateLimit: ClientRateLimit,
    private readonly refusals: RefusalCounter,
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
    const caller = await this.authenticate(request, rule.fresh);
    await this.rateLimit.count(caller.clientId, caller.rateLimitPerSecond);
    if (!rule.roles.includes(caller.role)) {
      this.refusals.count('forbidden');
      throw new AppError(forbidden);
    }
    request.caller = caller;
    return true;
  }

  /** The challenge that a 401 carries (`WWW-Authenticate`) is added where errors become HTTP. */
  private async authenticate(request: FastifyRequest, fresh: boolean): Promise<Caller> {
    const key = BEARER.exec(request.headers.authorization ?? '')?.[1];
    if (key === undefined) {
      // Nothing was tried, so nothing is counted against the address: probes and browsers do this.
      this.refusals.count('missing_key');
      throw new AppError(unauthenticated);
    }
    const found = await this.callers.find(key, fresh);
    if (typeof found !== 'string') return found;
    throw await this.attempts.refuse(request.ip, found, String(request.id));
  }

  private refuseUndeclared(context: ExecutionContext): never {
    const route = `${context.getClass().name}.${context.getHandler().name}`;
    this.refusals.count('undeclared_route');
    this.logger.error({ route }, 'a route declares neither @Public() nor @Roles(): it is closed until it does');
    throw new AppError(forbidden);
  }
}
