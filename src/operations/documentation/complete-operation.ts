import { HTML } from '../../platform/openapi/media-types.ts';
import type { ProblemCode } from '../../platform/problem.ts';
import { ROUTE_FACTS, type RouteFacts } from './describe-routes.ts';
import type { Json } from './json.ts';
import { problemResponses } from './problem-responses.ts';
import { headerReferences, headersOfStatus, RATE_LIMIT_HEADERS } from './response-headers.ts';
import { CLIENT_SECURITY, OPERATOR_SECURITY, PERSON_SECURITY } from './security-schemes.ts';

export interface OperationObject extends Json {
  description?: string;
  parameters?: Json[];
  responses?: Record<string, Json>;
}

const PUBLIC_FACTS: RouteFacts = {
  roles: null,
  isForOperators: false,
  problems: [],
  hasErrorPages: false,
  waitsForStandby: false,
  needsFreshSignIn: false,
};
const REPLAYED = 'Idempotency-Replayed';
const DURABILITY = 'Durability';
const SAFE_METHODS = new Set(['get', 'head']);

/**
 * Completes an operation with what the guard, the pipe and the filter add, so that controllers need not declare it: its
 * security, its roles, the problems and the headers of every route.
 */
export function completeOperation(
  method: string,
  path: string,
  { [ROUTE_FACTS]: extension, ...operation }: OperationObject,
): OperationObject {
  const facts = (extension ?? PUBLIC_FACTS) as RouteFacts;
  const problems = [...problemsOfRoute(method, path, facts), ...facts.problems];
  const own = { ...(facts.hasErrorPages ? errorPages(problems) : {}), ...operation.responses };
  const responses = mergeResponses(own, problemResponses(problems, Object.keys(own)));
  const more = [
    ...(facts.roles === null ? [] : RATE_LIMIT_HEADERS),
    ...(isRepeatable(operation) ? [REPLAYED] : []),
    ...(facts.waitsForStandby ? [DURABILITY] : []),
  ];
  const entries = Object.entries(responses).map(([status, response]) => [
    status,
    withHeaders(response, [...headersOfStatus(status), ...(status.startsWith('2') ? more : [])]),
  ]);
  return {
    ...operation,
    ...(facts.roles === null ? {} : { description: withRoles(operation.description, facts.roles) }),
    security: securityOf(facts),
    responses: Object.fromEntries(entries),
  };
}

/** Whether it takes an `Idempotency-Key`. */
function isRepeatable({ parameters = [] }: OperationObject): boolean {
  return parameters.some(({ name }) => name === 'Idempotency-Key');
}

function securityOf({ roles, isForOperators }: RouteFacts): readonly Json[] {
  if (isForOperators) return OPERATOR_SECURITY;
  if (roles === null) return [];
  return isForPeople(roles) ? PERSON_SECURITY : CLIENT_SECURITY;
}

/** Whether a person's session may have one of the roles. */
function isForPeople(roles: readonly string[]): boolean {
  return roles.some((role) => role !== 'service');
}

/** Problems that follow from the kind of route. */
function problemsOfRoute(
  method: string,
  path: string,
  { roles, isForOperators, needsFreshSignIn }: RouteFacts,
): ProblemCode[] {
  const isWrite = !SAFE_METHODS.has(method);
  const body: ProblemCode[] = ['request_timeout', 'payload_too_large', 'unsupported_media_type', 'server_busy'];
  const access: ProblemCode[] = [
    'unauthenticated',
    'address_not_allowed',
    'forbidden',
    'rate_limited',
    'too_many_attempts',
    'identity_unavailable',
  ];
  return [
    'invalid_request',
    'internal_error',
    'database_unavailable',
    // Parameters longer than any id do not match the route.
    ...(path.includes('{') || isForOperators ? (['not_found'] as const) : []),
    ...(isWrite ? ([...body, 'integrity_failure'] as const) : []),
    ...(isForOperators ? (['unauthenticated', 'too_many_attempts'] as const) : []),
    ...(roles === null ? [] : access),
    ...(roles !== null && isWrite && isForPeople(roles) ? (['origin_not_allowed'] as const) : []),
    ...(needsFreshSignIn ? (['fresh_sign_in_required'] as const) : []),
  ];
}

/** The pages that show these problems, by status. */
function errorPages(problems: readonly ProblemCode[]): Record<string, Json> {
  return Object.fromEntries(Object.keys(problemResponses(problems, [])).map((status) => [status, { content: HTML }]));
}

/** A status that the controller describes keeps its own media types in addition to the problem's. */
function mergeResponses(own: Record<string, Json>, problems: Record<string, Json>): Record<string, Json> {
  const merged: Record<string, Json> = { ...problems };
  for (const [status, response] of Object.entries(own)) {
    const problem = problems[status];
    if (problem === undefined) merged[status] = response;
    else merged[status] = { ...problem, ...response, content: { ...contentOf(problem), ...contentOf(response) } };
  }
  return merged;
}

function contentOf(response: Json): Json {
  return (response['content'] ?? {}) as Json;
}

function withHeaders(response: Json, names: readonly string[]): Json {
  if ('$ref' in response) return response;
  return { ...response, headers: { ...headerReferences(names), ...((response['headers'] ?? {}) as Json) } };
}

function withRoles(description: string | undefined, roles: readonly string[]): string {
  const sentence = `Roles: ${roles.join(', ')}.`;
  return description === undefined || description === '' ? sentence : `${description}\n\n${sentence}`;
}
