/** Edges and methods that mint, inspect or revoke tokens. */
const TOKEN_SEGMENT = /access_?tokens?|debug_?token|(^|[^a-z0-9])oauth/;
/** The old REST API, whose methods (`auth.expireSession`) are paths or parameters, the device login, and queries that nobody here can read. */
const TOKEN_ROOTS = new Set(['restserver.php', 'method', 'device', 'graphql', 'graphqlbatch']);

/** Whether a path, as lower-case segments without a version, is one that mints, inspects or revokes tokens. */
export function isTokenPath(segments: readonly string[]): boolean {
  return segments.some(hasTokenEndpoint) || TOKEN_ROOTS.has(segments[0] ?? '');
}

/** Whether a lower-case text holds the name of such an endpoint. */
export function hasTokenEndpoint(text: string): boolean {
  return TOKEN_SEGMENT.test(text);
}

/** Whether a lower-case text holds the edge by which permissions are listed and revoked. */
export function hasPermissionsEdge(text: string): boolean {
  return /(^|[^a-z0-9_])permissions([^a-z0-9_]|$)/.test(text);
}
