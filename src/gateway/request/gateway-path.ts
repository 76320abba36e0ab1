import { MEDIA_HOST } from '../../meta/graph/meta-addresses.ts';

/** Which of Meta's hosts a path of ours stands for; the credential's kind decides between the Graph hosts. */
export type GatewayRoute = 'graph' | 'video' | 'rupload' | 'media';

/** A path in canonical spelling: what is checked is what is sent. */
export interface GatewayPath {
  route: GatewayRoute;
  /** `v26.0` where the client gave one. On the upload and media hosts a version may be anywhere, and stays in `segments`. */
  version: string | null;
  /** Decoded; of the characters of `SEGMENT` only. */
  segments: string[];
  trailingSlash: boolean;
}

/** The characters of Meta's ids, edges, message ids and upload sessions. No `%`, `;`, `\`, nor anything that a second decoding would change. */
const SEGMENT = /^[A-Za-z0-9_.:$@+,=~-]+$/;
const VERSION = /^v\d{1,3}\.\d{1,2}$/i;
/** The prefixes of our paths; of two that share a beginning, the longer one first. */
export const GATEWAY_PREFIXES: readonly (readonly [string, GatewayRoute])[] = [
  ['/graph-video', 'video'],
  ['/graph', 'graph'],
  ['/rupload', 'rupload'],
];

/** The path of a request (without its query), parsed and normalized; null where it is not a valid path of the gateway. */
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

/** A path in the form of a client's `allow` patterns: with the upload or media host as first segment, and without a version. */
export function policySegments({ route, segments }: GatewayPath): string[] {
  if (route === 'media') return [MEDIA_HOST, ...segments];
  return route === 'rupload' ? ['rupload', ...segments.filter((segment) => !VERSION.test(segment))] : segments;
}

/** Where Meta takes the body as a file's bytes, whatever its content type (curl sends a form's). */
export function isByteUpload({ route, segments }: GatewayPath): boolean {
  return route === 'rupload' || (segments[0]?.startsWith('upload:') ?? false);
}

/** Segments of `/a/b`, `a/b` or `a/b/`; null where one is empty, a dot segment, or not plain after one decoding. */
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

/** Removes the version from the beginning of a list of segments and returns it. */
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
    // SDKs that use one base for all hosts send this.
    if (first === 'graph-video') return toGatewayPath('video', rest, trailingSlash);
    if (first === 'rupload') return toGatewayPath('rupload', rest, trailingSlash);
  }
  if (route === 'rupload') return { route, version: null, segments, trailingSlash };
  return { route, ...takeVersion(segments), trailingSlash };
}
