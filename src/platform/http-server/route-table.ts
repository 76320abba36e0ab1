/** The methods of all registered routes, to tell "no such path" from "method not allowed". */
export class RouteTable {
  readonly #methods = new Map<string, { pattern: RegExp; methods: Set<string> }>();

  /** Adds a route with a path in Fastify's syntax (`/v1/clients/:id`, `/graph/*`). */
  add(method: string | readonly string[], path: string): void {
    const known = this.#methods.get(path) ?? { pattern: toPattern(path), methods: new Set<string>() };
    for (const each of [method].flat()) known.methods.add(each);
    this.#methods.set(path, known);
  }

  /** Returns the methods of a path; empty if it has no route. */
  methodsOf(path: string): string[] {
    const found = [...this.#methods.values()].filter(({ pattern }) => pattern.test(path));
    return [...new Set(found.flatMap(({ methods }) => [...methods]))].sort();
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
