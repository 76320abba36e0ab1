import { isAllowed } from '../../auth/policy/allow-policy.ts';
import { hasPermissionsEdge, hasTokenEndpoint, isTokenPath } from '../../meta/graph/token-endpoints.ts';
import { parseSegments } from './gateway-path.ts';

/** A call as Meta would understand it. */
export interface EffectiveCall {
  /** Lower case: the HTTP method, and every `method=` that came with the call, wherever it stood. */
  methods: readonly string[];
  /** Without the version. In a batch item `{result=…}` may be part of one. */
  segments: readonly string[];
  /** Values of `fields`, and of `id` and `ids`, which name objects like a path does. */
  fields: readonly string[];
  ids: readonly string[];
}

/** A nested request in a field expansion can name its own method. */
const NESTED_METHOD = /\.\s*method\s*\(/i;
/** A token under another name: `access_token.as(x)`. Answers are searched by the name. */
const RENAMED_TOKEN = /token\b[^,{}]*\.\s*as\s*\(/i;

/** Why a call is refused, in words for its maker; null where it may pass. */
export function findRefusalReason(call: EffectiveCall): string | null {
  const segments = call.segments.map((segment) => segment.toLowerCase());
  if (isTokenPath(segments)) {
    return 'Calls that mint, inspect or revoke tokens do not pass the gateway.';
  }
  if (call.methods.some((method) => method.includes('delete')) && segments.some(hasPermissionsEdge)) {
    return 'Permissions are revoked by DELETE /v1/connections/{id}, not through the gateway.';
  }
  if (call.fields.some((value) => NESTED_METHOD.test(value))) {
    return 'A field expansion must not name a method.';
  }
  if (call.fields.some((value) => RENAMED_TOKEN.test(value))) {
    return 'A token must not get another name.';
  }
  for (const id of call.ids) {
    if (namesTokenPath(id)) return 'Calls that mint, inspect or revoke tokens do not pass the gateway.';
  }
  return null;
}

/**
 * Whether a client that is held to patterns may make a call. Whatever Meta could take the call for must be covered: `method=` decides
 * on a POST, and counts besides on others; `id` and `ids` name objects that the path is looked up under. What stands in `fields` is not
 * seen: who may read an object may read what its fields lead to.
 */
export function isCovered(patterns: readonly string[], { methods, segments, ids }: EffectiveCall): boolean {
  const [first = 'get', ...overrides] = methods;
  const effective = overrides.length > 0 && first === 'post' ? overrides : methods;
  const isRead = effective.every((method) => method === 'get' || method === 'head');
  const paths: string[][] = [];
  if (isRead || segments.length < 2) {
    for (const object of ids.flatMap(parseNamedObjects)) {
      if (object === null) return false;
      paths.push([...object, ...segments]);
    }
  }
  // A read of several objects is no read of the path alone.
  if (paths.length === 0 || !isRead || segments.length > 1) paths.push([...segments]);
  return effective.every((method) => paths.every((path) => isAllowed(patterns, method.toUpperCase(), path)));
}

/** The objects that `id` or `ids` name, as segments: a list, in JSON or with commas; null for what is no plain path. */
function parseNamedObjects(ids: string): (string[] | null)[] {
  const items = ids.replaceAll(/[[\]"'\s]/g, '').split(',');
  return items.filter((item) => item !== '').map((item) => (/^https?:\/\//i.test(item) ? [item] : parseSegments(item)));
}

/** Whether a path is one whose meaning turns on the method: then the method must be known for certain. */
export function dependsOnMethod(segments: readonly string[]): boolean {
  return segments.some((segment) => hasPermissionsEdge(segment.toLowerCase()));
}

/** `id=` and `ids=` take objects and, for link objects, whole URLs, which name nothing of Graph's. */
function namesTokenPath(ids: string): boolean {
  return ids
    .toLowerCase()
    .split(',')
    .some(
      (id) => !/^\s*https?:\/\//.test(id) && (hasTokenEndpoint(id) || (id.includes('/') && hasPermissionsEdge(id))),
    );
}
