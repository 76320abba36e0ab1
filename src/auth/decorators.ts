import { createParamDecorator, type ExecutionContext, SetMetadata } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { AuthenticatedClient, Role } from './authenticated-client.ts';

export const ACCESS_RULE = Symbol('access');

export type AccessRule = { kind: 'public' } | { kind: 'roles'; roles: readonly Role[]; shouldBypassCache: boolean };

/** Who may call a route. A route with neither this nor `@Public()` is refused to everyone. */
export const Roles = (...roles: Role[]): MethodDecorator & ClassDecorator =>
  SetMetadata<symbol, AccessRule>(ACCESS_RULE, { kind: 'roles', roles, shouldBypassCache: true });

/**
 * Like `Roles`, for the hottest route only: the client may come from a cache that is seconds old, because the route's own statement checks
 * key and policy again (`AuthenticatedClient.keyHash`, `.policyVersion`) while it writes, and authenticates again if they differ.
 */
export const RolesWithCachedClient = (...roles: Role[]): MethodDecorator =>
  SetMetadata<symbol, AccessRule>(ACCESS_RULE, { kind: 'roles', roles, shouldBypassCache: false });

/** Opens a route to everyone: browsers, Meta, probes. */
export const Public = (): MethodDecorator & ClassDecorator =>
  SetMetadata<symbol, AccessRule>(ACCESS_RULE, { kind: 'public' });

/** The request after the guard. */
export type AuthenticatedRequest = FastifyRequest & { client?: AuthenticatedClient };

/** The client of a route that `Roles` guards. */
export const CurrentClient = createParamDecorator((_: unknown, context: ExecutionContext): AuthenticatedClient => {
  const { client } = context.switchToHttp().getRequest<AuthenticatedRequest>();
  if (client === undefined) throw new Error('this route is not guarded by Roles');
  return client;
});

/** The request's id, as in `X-Request-Id`: for audit entries. */
export const RequestId = createParamDecorator((_: unknown, context: ExecutionContext): string =>
  String(context.switchToHttp().getRequest<FastifyRequest>().id),
);
