/** An edge or keyword of the Graph API; anything else counts as an id. */
const KEYWORD = /^[a-z][a-z_]{1,40}$/;
const MAX_SEGMENTS = 4;
/** Limits cardinality, because clients choose the paths; further patterns count as `other`. */
const MAX_PATTERNS = 400;

/** Turns paths into patterns such as `/:id/insights`, for metrics and the audit record. */
export class RoutePatterns {
  readonly #known = new Set<string>();

  of(segments: readonly string[], isBatch: boolean): string {
    if (isBatch) return '/batch';
    let pattern = '';
    for (let index = 0; index < segments.length && index < MAX_SEGMENTS; index++) {
      const segment = segments[index] ?? '';
      pattern += KEYWORD.test(segment) ? `/${segment}` : '/:id';
    }
    if (pattern === '') return '/';
    if (this.#known.has(pattern)) return pattern;
    if (this.#known.size >= MAX_PATTERNS) return 'other';
    this.#known.add(pattern);
    return pattern;
  }
}
