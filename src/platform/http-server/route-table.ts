/** The methods of all registered routes, to tell "no such path" from "method not allowed", and for OPTIONS. */
export class RouteTable {
  readonly #methods = new Map<string, Set<string>>();
  /** Filled on demand: few requests miss all routes. */
  readonly #patterns = new Map<string, RegExp>();
  /** Methods of paths without parameters. */
  readonly #fixed = new Map<string, Set<string>>();

  /** Adds a route with a path in Fastify's syntax (`/v1/clients/:id`, `/graph/*`). */
  add(method: string | readonly string[], path: string): void {
    const known = this.#methods.get(path) ?? new Set<string>();
    for (const each of [method].flat()) known.add(each);
    this.#methods.set(path, known);
    if (!/[:*]/.test(path)) this.#fixed.set(path, known);
  }

  /**
   * Returns the methods of a URL's path, with or without a trailing slash; empty if it has no route. A path with GET
   * also has HEAD, and every path has OPTIONS.
   */
  methodsOf(url: string): string[] {
    const path = pathOf(url);
    const fixed = this.#fixed.get(path);
    if (fixed !== undefined) return complete(fixed);
    const found = [...this.#methods].filter(([route]) => this.patternOf(route).test(path));
    return complete(new Set(found.flatMap(([, methods]) => [...methods])));
  }

  /**
   * Whether a URL names a path without parameters that does not support this method. A router would match such a path
   * to a route with a parameter, for example `deauthorize` as an id.
   */
  refuses(method: string, url: string): boolean {
    const fixed = this.#fixed.get(pathOf(url));
    return fixed !== undefined && !complete(fixed).includes(method);
  }

  private patternOf(path: string): RegExp {
    const pattern = this.#patterns.get(path) ?? toPattern(path);
    this.#patterns.set(path, pattern);
    return pattern;
  }
}

function pathOf(url: string): string {
  const [given = ''] = url.split('?', 1);
  return given.replace(/(?<=[^/])\/$/, '');
}

function complete(methods: ReadonlySet<string>): string[] {
  if (methods.size === 0) return [];
  const all = new Set([...methods, 'OPTIONS']);
  if (methods.has('GET')) all.add('HEAD');
  return [...all].sort();
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
