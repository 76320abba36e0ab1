import { ApiExtension } from '@nestjs/swagger';
import { ACCESS_RULE, type AccessRule, NEEDS_FRESH_SIGN_IN } from '../../auth/decorators.ts';
import { WAITS_FOR_STANDBY } from '../../database/standby/waits-for-standby.ts';
import { API_ERROR_PAGES } from '../../platform/openapi/api-error-pages.ts';
import { API_PROBLEMS } from '../../platform/openapi/api-problems.ts';
import type { ProblemCode, ProblemType } from '../../platform/problem.ts';
import { describeInput } from './describe-input.ts';

type Handler = (...parameters: never[]) => unknown;

/** What our decorators declare about a handler, as an extension of its operation until the document is complete. */
export interface RouteFacts {
  /** Roles that may call it; null: any caller. */
  roles: readonly string[] | null;
  /** Whether it is for operators only: on their listener, or with their token. */
  isForOperators: boolean;
  /** The operation's own problems. */
  problems: readonly ProblemCode[];
  /** Whether people get errors as pages. */
  hasErrorPages: boolean;
  /** Whether the response waits for a standby, and reports that. */
  waitsForStandby: boolean;
  /** Whether a sign-in with OpenID Connect must be recent. */
  needsFreshSignIn: boolean;
}

export const ROUTE_FACTS = 'x-route-facts';

const described = new WeakSet<Handler>();

/** Prepares handlers for `SwaggerModule`: documents their input, and attaches their `RouteFacts`. */
export function describeRoutes(controllers: readonly { readonly name: string; readonly prototype: object }[]): void {
  for (const controller of controllers) {
    const prototype = controller.prototype as Record<string, unknown>;
    for (const name of Object.getOwnPropertyNames(prototype)) {
      const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
      const handler: unknown = descriptor?.value;
      if (descriptor === undefined || name === 'constructor' || typeof handler !== 'function') continue;
      if (described.has(handler as Handler)) continue;
      described.add(handler as Handler);
      ApiExtension(ROUTE_FACTS, factsOf(handler, controller))(prototype, name, descriptor);
      const inputs = (Reflect.getMetadata('design:paramtypes', prototype, name) ?? []) as unknown[];
      for (const input of inputs) if (typeof input === 'function') describeInput(input);
    }
  }
}

function factsOf(handler: object, controller: object): RouteFacts {
  const rule = metadataOf<AccessRule>(ACCESS_RULE, handler, controller);
  const problems = metadataOf<readonly ProblemType[]>(API_PROBLEMS, handler, controller) ?? [];
  return {
    roles: rule?.kind === 'roles' ? rule.roles : null,
    isForOperators: rule?.kind === 'operators',
    problems: problems.map(({ code }) => code),
    hasErrorPages: metadataOf<boolean>(API_ERROR_PAGES, handler, controller) ?? false,
    waitsForStandby: Reflect.hasMetadata(WAITS_FOR_STANDBY, handler),
    needsFreshSignIn: Reflect.hasMetadata(NEEDS_FRESH_SIGN_IN, handler),
  };
}

function metadataOf<T>(key: string | symbol, handler: object, controller: object): T | undefined {
  return (Reflect.getMetadata(key, handler) ?? Reflect.getMetadata(key, controller)) as T | undefined;
}
