/** The methods of all registered routes, to tell "no such path" from "method not allowed", and for OPTIONS. */
export class RouteTable {
  readonly #methods = new Map<string, { pattern: RegExp; methods: Set<string> }>();

  /** Adds a route with a path in Fastify's syntax (`/v1/clients/:id`, `/graph/*`). */
  add(method: string | readonly string[], path: string): void {
    const known = this.#methods.get(path) ?? { pattern: toPattern(path), methods: new Set<string>() };
    for (const each of [method].flat()) known.methods.add(each);
    this.#methods.set(path, known);
  }

  /**
   * Returns the methods of a URL's path, with or without a slash at its end; empty if it has no route. A path with a
   * GET has a HEAD, and each has OPTIONS.
   */
  methodsOf(url: string): string[] {
    const [given = ''] = url.split('?', 1);
    const path = given.replace(/(?<=[^/])\/$/, '');
    const found = [...this.#methods.values()].filter(({ pattern }) => pattern.test(path));
    const methods = new Set(found.flatMap((route) => [...route.methods]));
    if (methods.size === 0) return [];
    if (methods.has('GET')) methods.add('HEAD');
    return [...methods.add('OPTIONS')].sort();
  }
}

function toPattern(path: string): RegExp {
  const source = path
    .split('/')
    .map((segment) => {
      if (segment === '*') return '.*';
      if (segment.startsWith(':')) return '[^/]+';
      return segment.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
    })
    .join('/');
  return new RegExp(`^${source}$`);
}
