/** Edges and methods that issue, inspect or revoke tokens. */
const TOKEN_SEGMENT = /access_?tokens?|debug_?token|(^|[^a-z0-9])oauth/;
/** The old REST API (its methods, such as `auth.expireSession`, are paths or parameters), device login, and GraphQL. */
const TOKEN_ROOTS = new Set(['restserver.php', 'method', 'device', 'graphql', 'graphqlbatch']);

/** Whether a path can issue, inspect or revoke tokens. Takes lowercase segments without the version. */
export function isTokenPath(segments: readonly string[]): boolean {
  return segments.some(hasTokenEndpoint) || TOKEN_ROOTS.has(segments[0] ?? '');
}

/** Whether a lowercase text contains the name of such an endpoint. */
export function hasTokenEndpoint(text: string): boolean {
  return TOKEN_SEGMENT.test(text);
}

/** Whether a lowercase text contains the edge that lists and revokes permissions. */
export function hasPermissionsEdge(text: string): boolean {
  return /(^|[^a-z0-9_])permissions([^a-z0-9_]|$)/.test(text);
}
