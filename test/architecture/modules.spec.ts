import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ALLOWED_IMPORTS } from './allowed-imports.ts';
import { COMPOSITION, moduleOf, ROOT, sourceFiles } from './source-files.ts';

const files = sourceFiles();

describe('the modules', () => {
  it('are those of the table', () => {
    const unknown = [...new Set(files.map(({ module }) => module))].filter(
      (module) => module !== COMPOSITION && ALLOWED_IMPORTS[module] === undefined,
    );
    expect(unknown).toEqual([]);
  });

  it('import only what the table allows', () => {
    const violations = files
      .filter(({ module }) => module !== COMPOSITION)
      .flatMap(({ path: from, module, imports }) =>
        imports
          .filter(
            ({ target }) =>
              target !== null && moduleOf(target) !== module && !ALLOWED_IMPORTS[module]?.includes(moduleOf(target)),
          )
          .map(({ target }) => `${from} → ${target}`),
      );
    expect(violations).toEqual([]);
  });

  it('import files that exist, by their full names', () => {
    const broken = files.flatMap(({ path: from, imports }) =>
      imports
        .filter(({ target }) => target !== null && !existsSync(path.join(ROOT, target)))
        .map(({ specifier }) => `${from}: ${specifier}`),
    );
    expect(broken).toEqual([]);
  });

  it('have no circle: among modules none at all, among files none that is there at run time', () => {
    const byFile = new Map(
      files.map(({ path: from, imports }) => [
        from,
        imports.flatMap(({ target, kind }) => (kind === 'type' ? [] : (target ?? []))),
      ]),
    );
    expect(circle(byFile)).toEqual([]);
    const byModule = new Map<string, string[]>();
    for (const { module, imports } of files) {
      const targets = imports
        .flatMap(({ target }) => (target === null ? [] : moduleOf(target)))
        .filter((target) => target !== module);
      byModule.set(module, [...(byModule.get(module) ?? []), ...targets]);
    }
    expect(circle(byModule)).toEqual([]);
  });

  it('load each other at the start, never in between', () => {
    const dynamic = files.flatMap(({ path: from, imports }) =>
      imports
        .filter(({ target, kind }) => target !== null && kind === 'dynamic')
        .map(({ specifier }) => `${from}: ${specifier}`),
    );
    expect(dynamic).toEqual([]);
  });

  it('have no barrels', () => {
    expect(files.map(({ path: file }) => file).filter((file) => path.basename(file) === 'index.ts')).toEqual([]);
  });

  it('keep their entities to themselves', () => {
    const reached = files
      .filter(({ module }) => module !== COMPOSITION)
      .flatMap(({ path: from, module, imports }) =>
        imports
          .filter(({ target }) => target?.includes('.entity.') === true && moduleOf(target) !== module)
          .map(({ target }) => `${from} → ${target}`),
      );
    expect(reached).toEqual([]);
  });
});

/** One circle, as the nodes along it; empty where there is none. */
function circle(edges: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const trail: string[] = [];
  const visit = (node: string): string[] => {
    const start = trail.indexOf(node);
    if (start >= 0) return [...trail.slice(start), node];
    if (done.has(node)) return [];
    trail.push(node);
    for (const next of edges.get(node) ?? []) {
      const found = visit(next);
      if (found.length > 0) return found;
    }
    trail.pop();
    done.add(node);
    return [];
  };
  for (const node of edges.keys()) {
    const found = visit(node);
    if (found.length > 0) return found;
  }
  return [];
}
