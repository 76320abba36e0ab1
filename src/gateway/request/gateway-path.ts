import { MEDIA_HOST } from '../../meta/graph/meta-addresses.ts';

/** The kind of host at Meta. The credential's kind decides which Graph host. */
export type GatewayRoute = 'graph' | 'video' | 'rupload' | 'media';

/** A path in canonical form: what is checked is what is sent. */
export interface GatewayPath {
  route: GatewayRoute;
  /** Such as `v26.0`, if given. On the upload and media hosts a version may be anywhere and stays in `segments`. */
  version: string | null;
  /** Decoded; each matches `SEGMENT`. */
  segments: string[];
  trailingSlash: boolean;
}

/** Ids, edges, message ids and upload sessions. No `%`, `;`, `\`, nor anything that decoding twice would change. */
const SEGMENT = /^[A-Za-z0-9_.:$@+,=~-]+$/;
const VERSION = /^v\d{1,3}\.\d{1,2}$/i;
/** Path prefixes, longer ones first if they share a beginning. */
export const GATEWAY_PREFIXES: readonly (readonly [string, GatewayRoute])[] = [
  ['/graph-video', 'video'],
  ['/graph', 'graph'],
  ['/rupload', 'rupload'],
];

/** Parses and normalizes a request's path, without query; null if it is not valid here. */
export function parseGatewayPath(path: string): GatewayPath | null {
  for (const [prefix, route] of GATEWAY_PREFIXES) {
    if (!path.startsWith(prefix)) continue;
    const rest = path.slice(prefix.length);
    if (rest !== '' && rest[0] !== '/') continue;
    const segments = parseSegments(rest);
    return segments === null ? null : toGatewayPath(route, segments, rest.endsWith('/'));
  }
  return null;
}

/** Segments as `allow` patterns match them: without a version, after the upload or media host. */
export function policySegments({ route, segments }: GatewayPath): string[] {
  if (route === 'media') return [MEDIA_HOST, ...segments];
  return route === 'rupload' ? ['rupload', ...segments.filter((segment) => !VERSION.test(segment))] : segments;
}

/** Returns whether Meta takes the body as the bytes of a file, whatever its content type (curl sends a form's). */
export function isByteUpload({ route, segments }: GatewayPath): boolean {
  return route === 'rupload' || (segments[0]?.startsWith('upload:') ?? false);
}

/** Splits `/a/b`, `a/b` or `a/b/`; null if a segment is empty, a dot segment, or not plain once decoded. */
export function parseSegments(path: string): string[] | null {
  const start = path.startsWith('/') ? 1 : 0;
  const end = path.length > start && path.endsWith('/') ? path.length - 1 : path.length;
  if (end <= start) return path.length > 1 ? null : [];
  const segments = path.slice(start, end).split('/');
  for (let index = 0; index < segments.length; index++) {
    const plain = plainSegment(segments[index] ?? '');
    if (plain === null) return null;
    segments[index] = plain;
  }
  return segments;
}

/** Splits a leading version from the segments. */
export function takeVersion(segments: string[]): { version: string | null; segments: string[] } {
  const [first] = segments;
  if (first === undefined || !VERSION.test(first)) return { version: null, segments };
  return { version: first.toLowerCase(), segments: segments.slice(1) };
}

function plainSegment(raw: string): string | null {
  let segment = raw;
  if (raw.includes('%')) {
    try {
      segment = decodeURIComponent(raw);
    } catch {
      return null;
    }
  }
  return SEGMENT.test(segment) && !/^\.+$/.test(segment) ? segment : null;
}

function toGatewayPath(route: GatewayRoute, segments: string[], trailingSlash: boolean): GatewayPath {
  if (route === 'graph') {
    const [first, ...rest] = segments;
    if (first === MEDIA_HOST) return { route: 'media', version: null, segments: rest, trailingSlash };
    // SDKs with one base URL for all hosts send this.
    if (first === 'graph-video') return toGatewayPath('video', rest, trailingSlash);
    if (first === 'rupload') return toGatewayPath('rupload', rest, trailingSlash);
  }
  if (route === 'rupload') return { route, version: null, segments, trailingSlash };
  return { route, ...takeVersion(segments), trailingSlash };
}
