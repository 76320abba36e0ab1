import { isAllowed } from '../../auth/policy/allow-policy.ts';
import { hasPermissionsEdge, hasTokenEndpoint, isTokenPath } from '../../meta/graph/token-endpoints.ts';
import { hasSubscribedAppsEdge, hasSubscriptionsEdge } from '../../meta/graph/webhook-endpoints.ts';
import { parseSegments } from './gateway-path.ts';

/** A call as Meta would understand it. */
export interface EffectiveCall {
  /** Lower case: the HTTP method and every `method=` of the call, in query or body. */
  methods: readonly string[];
  /** Without the version. In a batch item, segments may be `{result=…}`. */
  segments: readonly string[];
  /** Values of `fields`, and of `id` and `ids`, which name objects like a path does. */
  fields: readonly string[];
  ids: readonly string[];
  /** Names of parameters that tell Meta where webhooks go. */
  callbacks: readonly string[];
}

/** A nested request in a field expansion can have its own method. */
const NESTED_METHOD = /\.\s*method\s*\(/i;
/** A token under another name: `access_token.as(x)`. Responses are searched by the name. */
const RENAMED_TOKEN = /token\b[^,{}]*\.\s*as\s*\(/i;

/** Why a call is refused, as a text for the client; null where it is allowed. */
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
 * Whether a client that is restricted to patterns may make a call. Everything that Meta could take the call for must be allowed: `method=`
 * decides on a POST, and is considered on others; `id` and `ids` name further objects. `fields` is not
 * checked: a client that may read an object may read what its fields lead to.
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
  // Reading several objects is more than reading the path.
  if (paths.length === 0 || !isReading || segments.length > 1) paths.push([...segments]);
  return effective.every((method) => paths.every((path) => isAllowed(patterns, method.toUpperCase(), path)));
}

/** The objects that `id` or `ids` name, as segments: a list, in JSON or with commas; null for what is not a plain path. */
function parseNamedObjects(ids: string): (string[] | null)[] {
  const items = ids.replaceAll(/[[\]"'\s]/g, '').split(',');
  return items.filter((item) => item !== '').map((item) => (/^https?:\/\//i.test(item) ? [item] : parseSegments(item)));
}

/** Whether patterns cover a call by its name: only those count whose last segment is written out, without a wildcard. */
export function isNamed(patterns: readonly string[], call: EffectiveCall): boolean {
  const naming = patterns.filter((pattern) => !pattern.slice(pattern.lastIndexOf('/')).includes('*'));
  return isCovered(naming, call);
}

/** Whether a call only reads, whichever of its methods counts for Meta. */
export function isRead(methods: readonly string[]): boolean {
  return methods.every((method) => method === 'get' || method === 'head');
}

/** Whether the meaning of a path depends on the method: then the method must be unambiguous. */
export function dependsOnMethod(segments: readonly string[]): boolean {
  return segments.some((segment) => hasPermissionsEdge(segment.toLowerCase()));
}

/**
 * Where a body that cannot be read must not go, although Meta should take it for plain bytes: what it held could delete, or move webhooks.
 * An object itself counts, since its settings may include its webhooks, but not a session that takes a file.
 */
export function needsKnownParameters({ methods, segments }: EffectiveCall, isUpload: boolean): boolean {
  if (dependsOnMethod(segments) || segments.some(hasSubscribedAppsEdge) || segments.some(hasSubscriptionsEdge))
    return true;
  return segments.length === 1 && !isUpload && !isRead(methods);
}

/** `id=` and `ids=` take objects and, for link objects, whole URLs, which name nothing in the Graph. */
function namesTokenPath(ids: string): boolean {
  return ids
    .toLowerCase()
    .split(',')
    .some(
      (id) => !/^\s*https?:\/\//.test(id) && (hasTokenEndpoint(id) || (id.includes('/') && hasPermissionsEdge(id))),
    );
}
