import { createParamDecorator, type ExecutionContext, SetMetadata } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { AuthenticatedClient, Role } from './authenticated-client.ts';

export const ACCESS_RULE = Symbol('access');

export type AccessRule =
  | { kind: 'public' }
  | { kind: 'operators' }
  | { kind: 'roles'; roles: readonly Role[]; shouldBypassCache: boolean };

/** Roles that may call a route. A route with neither this nor `@Public()` is closed to everyone. */
export const Roles = (...roles: Role[]): MethodDecorator & ClassDecorator =>
  SetMetadata<symbol, AccessRule>(ACCESS_RULE, { kind: 'roles', roles, shouldBypassCache: true });

/**
 * Like `Roles`, but accepts a client cached for a few seconds. Only for a route whose own statement checks
 * `AuthenticatedClient.keyHash` and `.policyVersion` when it writes, and which authenticates again if they differ.
 */
export const RolesWithCachedClient = (...roles: Role[]): MethodDecorator =>
  SetMetadata<symbol, AccessRule>(ACCESS_RULE, { kind: 'roles', roles, shouldBypassCache: false });

export const NEEDS_FRESH_SIGN_IN = Symbol('fresh sign-in');

export interface FreshSignInRule {
  /** How often a session may do it within ten minutes without signing in again, because only bulk use is dangerous. */
  readonly free: number;
}

/**
 * For actions that can't be undone: a person who used OpenID Connect must have signed in within the last five minutes.
 */
export const NeedsFreshSignIn = (rule: FreshSignInRule = { free: 0 }): MethodDecorator =>
  SetMetadata<symbol, FreshSignInRule>(NEEDS_FRESH_SIGN_IN, rule);

/** Opens a route to everyone, such as browsers, Meta and probes. */
export const Public = (): MethodDecorator & ClassDecorator =>
  SetMetadata<symbol, AccessRule>(ACCESS_RULE, { kind: 'public' });

/** Opens a route to operators: everyone on the operations listener or with the operations token. */
export const ForOperators = (): MethodDecorator & ClassDecorator =>
  SetMetadata<symbol, AccessRule>(ACCESS_RULE, { kind: 'operators' });

/** A request that passed the guard. */
export type AuthenticatedRequest = FastifyRequest & { client?: AuthenticatedClient };

/** Injects the client, on routes with `Roles`. */
export const CurrentClient = createParamDecorator((_: unknown, context: ExecutionContext): AuthenticatedClient => {
  const { client } = context.switchToHttp().getRequest<AuthenticatedRequest>();
  if (client === undefined) throw new Error('this route is not guarded by Roles');
  return client;
});

/** Injects the id in `X-Request-Id`, which audit entries record. */
export const RequestId = createParamDecorator((_: unknown, context: ExecutionContext): string =>
  String(context.switchToHttp().getRequest<FastifyRequest>().id),
);
