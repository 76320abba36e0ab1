import type { Json } from './json.ts';

type Components = Record<string, Json>;

const REFERENCE = /^#\/components\/([^/]+)\/([^/]+)$/;

/** Removes components that nothing refers to, such as examples of problems that no operation lists. */
export function pruneComponents(roots: Json, components: Components): Components {
  const used = new Set<string>();
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    for (const [key, value] of Object.entries(node)) {
      const [, kind = '', name = ''] = key === '$ref' ? (REFERENCE.exec(String(value)) ?? []) : [];
      if (name === '') visit(value);
      else if (!used.has(`${kind}/${name}`)) {
        used.add(`${kind}/${name}`);
        visit(components[kind]?.[name]);
      }
    }
  };
  visit(roots);
  const entries = Object.entries(components).map(([kind, members]) => [
    kind,
    // Operations name security schemes without a reference.
    kind === 'securitySchemes' ? members : keep(members, (name) => used.has(`${kind}/${name}`)),
  ]);
  return Object.fromEntries(entries) as Components;
}

function keep(members: Json, isUsed: (name: string) => boolean): Json {
  return Object.fromEntries(Object.entries(members).filter(([name]) => isUsed(name)));
}
