import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ALLOWED_IMPORTS } from './allowed-imports.ts';
import { COMPOSITION, type Import, moduleOf, ROOT, type SourceFile, sourceFiles } from './source-files.ts';

const files = sourceFiles();

/** `from → to` of the imports of our own files that are not allowed. */
function violations(isAllowed: (file: SourceFile, target: string, each: Import) => boolean): string[] {
  return files.flatMap((file) =>
    file.imports.flatMap((each) =>
      each.target === null || isAllowed(file, each.target, each) ? [] : `${file.path} → ${each.target}`,
    ),
  );
}

describe('the modules', () => {
  it('are those of the table', () => {
    const unknown = files.map(({ module }) => module).filter((module) => ALLOWED_IMPORTS[module] === undefined);
    expect([...new Set(unknown)]).toEqual([]);
  });

  it('import only what the table allows', () => {
    const isAllowed = ({ module }: SourceFile, target: string): boolean =>
      moduleOf(target) === module || ALLOWED_IMPORTS[module]?.includes(moduleOf(target)) === true;
    expect(violations(isAllowed)).toEqual([]);
  });

  it('are drawn in docs/architecture.md as the table has them', () => {
    const everything = ['composition', 'bootstrap', 'cli', 'sandbox', 'console'];
    const drawn = drawnImports(readFileSync(path.join(ROOT, 'docs/architecture.md'), 'utf8'));
    const allowed = Object.entries(ALLOWED_IMPORTS)
      .filter(([module]) => !everything.includes(module))
      .map(([module, targets]) => [module, targets.filter((target) => target !== 'migrations').sort()]);
    expect(Object.fromEntries(drawn)).toEqual(Object.fromEntries(allowed));
  });

  it('import files that exist, by their full names', () => {
    expect(violations((_, target) => existsSync(path.join(ROOT, target)))).toEqual([]);
  });

  it('form no circle', () => {
    const targetsOf = new Map<string, Set<string>>();
    for (const { module, imports } of files) {
      // main.ts starts bootstrap, which loads app.module.ts.
      if (module === COMPOSITION) continue;
      const targets = targetsOf.get(module) ?? new Set();
      for (const { target } of imports)
        if (target !== null && moduleOf(target) !== module) targets.add(moduleOf(target));
      targetsOf.set(module, targets);
    }
    expect(findCircles(targetsOf)).toEqual([]);
  });

  it('have no circle among files, type imports included', () => {
    const targetsOf = new Map(
      files.map(({ path: from, imports }) => [from, new Set(imports.flatMap(({ target }) => target ?? []))]),
    );
    expect(findCircles(targetsOf)).toEqual([]);
  });

  it('load each other at startup, never later', () => {
    expect(violations((_, __, { kind }) => kind !== 'dynamic')).toEqual([]);
  });

  it('have no barrel files', () => {
    expect(files.map(({ path: file }) => file).filter((file) => path.basename(file) === 'index.ts')).toEqual([]);
  });

  it('keep their entities to themselves', () => {
    const isAllowed = ({ module }: SourceFile, target: string): boolean =>
      module === COMPOSITION || !target.includes('.entity.') || moduleOf(target) === module;
    expect(violations(isAllowed)).toEqual([]);
  });

  it('have controllers that import no other controller', () => {
    const isAllowed = ({ path: from }: SourceFile, target: string): boolean =>
      !from.endsWith('.controller.ts') || !target.endsWith('.controller.ts');
    expect(violations(isAllowed)).toEqual([]);
  });
});

/** What each module of the first diagram may import: along the arrows, as far as they lead. */
function drawnImports(markdown: string): Map<string, string[]> {
  const diagram = /```mermaid\nflowchart[\s\S]*?```/.exec(markdown)?.[0] ?? '';
  const arrows = [...diagram.matchAll(/(\w+) --> (\w+)/g)].map(([, from = '', to = '']) => ({ from, to }));
  const reach = (module: string): string[] =>
    arrows.filter(({ from }) => from === module).flatMap(({ to }) => [to, ...reach(to)]);
  return new Map(
    arrows.flatMap(({ from, to }) => [from, to]).map((module) => [module, [...new Set(reach(module))].sort()]),
  );
}

/** The shortest circle through each node that is on one, each circle once. */
function findCircles(targetsOf: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const circles = new Map<string, string>();
  for (const start of targetsOf.keys()) {
    const circle = shortestWayBack(start, targetsOf);
    if (circle === null) continue;
    const members = [...circle].sort().join(' ');
    if (!circles.has(members)) circles.set(members, [...circle, start].join(' → '));
  }
  return [...circles.values()];
}

/** The nodes of the shortest path that leads from `start` back to it, `start` first; null where there is none. */
function shortestWayBack(start: string, targetsOf: ReadonlyMap<string, ReadonlySet<string>>): string[] | null {
  const seen = new Set<string>();
  let paths: string[][] = [[start]];
  while (paths.length > 0) {
    const longer: string[][] = [];
    for (const trail of paths) {
      for (const next of targetsOf.get(trail.at(-1) ?? start) ?? []) {
        if (next === start) return trail;
        if (seen.has(next)) continue;
        seen.add(next);
        longer.push([...trail, next]);
      }
    }
    paths = longer;
  }
  return null;
}
