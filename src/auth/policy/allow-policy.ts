import type { Product } from '../../config/config.ts';

/**
 * Graph calls that a client may make through the gateway: patterns such as `GET /act_*` + `/insights`, in one list for
 * all products or by product. A product's list replaces that of `*`; without either, the product may call nothing.
 */
export type AllowPolicy = readonly string[] | Readonly<Partial<Record<Product | '*', readonly string[]>>>;

const METHODS = new Set(['GET', 'POST', 'DELETE', 'PUT', 'PATCH', 'ANY', '*']);
const MAX_PATTERN_LENGTH = 300;
/** Characters that the gateway accepts in a path segment, and the wildcard. */
const SEGMENT = /^[A-Za-z0-9_.:$@+,=~*-]+$/;
const VERSION = /^v\d{1,3}\.\d{1,2}$/i;
/** Hosts other than Graph that a path may start with. Wildcards never match them. */
const HOSTS = new Set(['rupload', 'lookaside.fbsbx.com']);

/** Returns the patterns for a product. Null: everything is allowed. */
export function patternsForProduct(policy: AllowPolicy | null, product: Product): readonly string[] | null {
  if (policy === null) return null;
  if (isList(policy)) return policy;
  return policy[product] ?? policy['*'] ?? [];
}

/** Returns what is wrong with a pattern, as a phrase for a problem's detail. Null: nothing. */
export function findPatternError(pattern: unknown): string | null {
  if (typeof pattern !== 'string' || pattern.length > MAX_PATTERN_LENGTH) {
    return `must be a string such as "GET /*/insights" of at most ${MAX_PATTERN_LENGTH} characters`;
  }
  const [method = '', path = '', ...more] = pattern.split(' ');
  if (more.length > 0 || !path.startsWith('/'))
    return 'must be a method, a space and a path, such as "GET /*/insights"';
  if (!METHODS.has(method)) return 'must start with GET, POST, DELETE, PUT, PATCH or ANY';
  const segments = segmentsOf(path);
  if (VERSION.test(segments[0] ?? ''))
    return 'must not contain an API version, because patterns apply to every version';
  for (const [index, segment] of segments.entries()) {
    if (segment === '**' && index === segments.length - 1) continue;
    const wildcards = segment.split('*').length - 1;
    if (!SEGMENT.test(segment) || /^\.+$/.test(segment) || wildcards > 1) {
      return 'must have a plain path, with at most one * per segment and ** only as the last segment';
    }
  }
  return null;
}

/**
 * Whether a pattern covers a call. `*` matches one segment or, within one, one or more characters (`act_*`); a final
 * `**` matches any number of segments. `method` is upper case; `segments` exclude the version.
 */
export function isAllowed(patterns: readonly string[], method: string, segments: readonly string[]): boolean {
  const verb = method === 'HEAD' ? 'GET' : method;
  return patterns.some((pattern) => {
    const cut = pattern.indexOf(' ');
    const wanted = pattern.slice(0, cut);
    return (
      (wanted === verb || wanted === 'ANY' || wanted === '*') &&
      matchesPath(segmentsOf(pattern.slice(cut + 1)), segments)
    );
  });
}

function matchesPath(pattern: readonly string[], segments: readonly string[]): boolean {
  const endsWithAny = pattern.at(-1) === '**';
  const fixed = endsWithAny ? pattern.slice(0, -1) : pattern;
  if (endsWithAny ? segments.length < fixed.length : segments.length !== fixed.length) return false;
  return fixed.every((part, index) => matchesSegment(part, segments[index] ?? ''));
}

function matchesSegment(part: string, segment: string): boolean {
  const star = part.indexOf('*');
  if (star < 0) return part === segment;
  if (HOSTS.has(segment) || VERSION.test(segment)) return false;
  return (
    segment.length >= part.length && segment.startsWith(part.slice(0, star)) && segment.endsWith(part.slice(star + 1))
  );
}

function segmentsOf(path: string): string[] {
  return path === '/' ? [] : path.slice(1).split('/');
}

function isList(policy: AllowPolicy): policy is readonly string[] {
  return Array.isArray(policy);
}
