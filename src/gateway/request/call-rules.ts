import { isAllowed } from '../../auth/policy/allow-policy.ts';
import { hasPermissionsEdge, hasTokenEndpoint, isTokenPath } from '../../meta/graph/token-endpoints.ts';
import { hasSubscribedAppsEdge, hasSubscriptionsEdge } from '../../meta/graph/webhook-endpoints.ts';
import { parseSegments } from './gateway-path.ts';

/** A call as Meta would interpret it. */
export interface EffectiveCall {
  /** Lower case: the HTTP method and every `method=` in query or body. */
  methods: readonly string[];
  /** Without the version. Segments of a batch item may be `{result=…}`. */
  segments: readonly string[];
  /** Values of `fields`. */
  fields: readonly string[];
  /** Values of `id` and `ids`, which name objects as a path does. */
  ids: readonly string[];
  /** Names of parameters that set where webhooks go. */
  callbacks: readonly string[];
}

/** A nested request in a field expansion may set its method. */
const NESTED_METHOD = /\.\s*method\s*\(/i;
/** Renames a token, `access_token.as(x)`, which would hide it: responses are searched by name. */
const RENAMED_TOKEN = /token\b[^,{}]*\.\s*as\s*\(/i;

/** Returns why a call is refused, as a text for the client; null if it is allowed. */
export function findRefusalReason(call: EffectiveCall): string | null {
  const segments = call.segments.map((segment) => segment.toLowerCase());
  if (isTokenPath(segments)) {
    return 'Calls that create, inspect or revoke tokens are not allowed through the gateway.';
  }
  if (call.methods.some((method) => method.includes('delete')) && segments.some(hasPermissionsEdge)) {
    return 'Revoke permissions with DELETE /v1/connections/{id}, not through the gateway.';
  }
  if (call.fields.some((value) => NESTED_METHOD.test(value))) {
    return 'A field expansion must not set a method.';
  }
  if (call.fields.some((value) => RENAMED_TOKEN.test(value))) {
    return 'A token field must not be renamed.';
  }
  for (const id of call.ids) {
    if (namesTokenPath(id)) return 'Calls that create, inspect or revoke tokens are not allowed through the gateway.';
  }
  return null;
}

/**
 * Returns whether patterns allow a call in every way that Meta could interpret it: `method=` may override any method,
 * and `id` and `ids` name further objects. `fields` is not checked: a client that may read an object may read what its
 * fields lead to.
 */
export function isCovered(patterns: readonly string[], { methods, segments, ids }: EffectiveCall): boolean {
  const [first = 'get', ...overrides] = methods;
  const effective = overrides.length > 0 && first === 'post' ? overrides : methods;
  const isReading = isRead(effective);
  const paths: string[][] = [];
  if (isReading || segments.length < 2) {
    for (const object of ids.flatMap(parseNamedObjects)) {
      if (object === null) return false;
      paths.push([...object, ...segments]);
    }
  }
  // Reading several objects takes more than the path allows.
  if (paths.length === 0 || !isReading || segments.length > 1) paths.push([...segments]);
  return effective.every((method) => paths.every((path) => isAllowed(patterns, method.toUpperCase(), path)));
}

/**
 * Splits `id` or `ids`, a JSON array or comma-separated, into the segments of each object; null for what is not a plain
 * path.
 */
function parseNamedObjects(ids: string): (string[] | null)[] {
  const items = ids.replaceAll(/[[\]"'\s]/g, '').split(',');
  return items.filter((item) => item !== '').map((item) => (/^https?:\/\//i.test(item) ? [item] : parseSegments(item)));
}

/** Returns whether a pattern without a wildcard in its last segment covers a call. */
export function isNamed(patterns: readonly string[], call: EffectiveCall): boolean {
  const naming = patterns.filter((pattern) => !pattern.slice(pattern.lastIndexOf('/')).includes('*'));
  return isCovered(naming, call);
}

/** Returns whether a call only reads, whichever of its methods Meta uses. */
export function isRead(methods: readonly string[]): boolean {
  return methods.every((method) => method === 'get' || method === 'head');
}

/** Returns whether the method changes what a path means, so that it must be unambiguous. */
export function dependsOnMethod(segments: readonly string[]): boolean {
  return segments.some((segment) => hasPermissionsEdge(segment.toLowerCase()));
}

/**
 * Returns whether a body that can't be parsed must not go there, even as plain bytes, because its parameters could
 * delete something or move webhooks. Includes objects themselves, whose settings may include webhooks, but not upload
 * sessions.
 */
export function needsKnownParameters({ methods, segments }: EffectiveCall, isUpload: boolean): boolean {
  if (dependsOnMethod(segments) || segments.some(hasSubscribedAppsEdge) || segments.some(hasSubscriptionsEdge))
    return true;
  return segments.length === 1 && !isUpload && !isRead(methods);
}

/** `id=` and `ids=` also accept whole URLs, for link objects, which are not paths of the Graph API. */
function namesTokenPath(ids: string): boolean {
  return ids
    .toLowerCase()
    .split(',')
    .some(
      (id) => !/^\s*https?:\/\//.test(id) && (hasTokenEndpoint(id) || (id.includes('/') && hasPermissionsEdge(id))),
    );
}
