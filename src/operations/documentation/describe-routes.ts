import { ApiBearerAuth, ApiResponse } from '@nestjs/swagger';
import { ACCESS_RULE, type AccessRule } from '../../auth/decorators.ts';
import { describeInput } from './describe-input.ts';

type Handler = (...parameters: never[]) => unknown;

/** Where @nestjs/swagger stores a controller's hand-written security metadata. */
const SECURITY = 'swagger/apiSecurity';
const described = new WeakSet<Handler>();

/**
 * Documents what the guard, pipe and filter do, so that controllers need not: which routes require a key, their input,
 * and the problems that every route may return.
 */
export function describeRoutes(controllers: readonly { readonly name: string; readonly prototype: object }[]): void {
  for (const controller of controllers) {
    const prototype = controller.prototype as Record<string, unknown>;
    for (const name of Object.getOwnPropertyNames(prototype)) {
      const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
      const handler: unknown = descriptor?.value;
      if (descriptor === undefined || name === 'constructor' || typeof handler !== 'function') continue;
      if (described.has(handler as Handler)) continue;
      described.add(handler as Handler);
      describe(prototype, name, descriptor, ruleOf(handler, controller), Reflect.hasMetadata(SECURITY, controller));
      const inputs = (Reflect.getMetadata('design:paramtypes', prototype, name) ?? []) as unknown[];
      for (const input of inputs) if (typeof input === 'function') describeInput(input);
    }
  }
}

function ruleOf(handler: object, controller: object): AccessRule | undefined {
  return (Reflect.getMetadata(ACCESS_RULE, handler) ?? Reflect.getMetadata(ACCESS_RULE, controller)) as
    | AccessRule
    | undefined;
}

function describe(
  prototype: object,
  name: string,
  descriptor: PropertyDescriptor,
  rule: AccessRule | undefined,
  isDescribed: boolean,
): void {
  const problem = (description: string) => ({
    description,
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  });
  ApiResponse({
    status: '4XX',
    ...problem('The request cannot be served; the problem says why and what to do'),
  })(prototype, name, descriptor);
  if (rule?.kind !== 'roles') return;
  if (!isDescribed) ApiBearerAuth('bearer')(prototype, name, descriptor);
  ApiResponse({ status: 401, ...problem('Missing or unknown key') })(prototype, name, descriptor);
  ApiResponse({ status: 403, ...problem(`For ${rule.roles.join(', ')} only, within the client's policy`) })(
    prototype,
    name,
    descriptor,
  );
}
