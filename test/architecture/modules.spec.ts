import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ALLOWED_IMPORTS } from './allowed-imports.ts';
import { COMPOSITION, type Import, moduleOf, parseSource, ROOT, type SourceFile, sourceFiles } from './source-files.ts';

const files = sourceFiles();

/** Which imports of our own files a rule allows, with a file that breaks it. */
interface ImportRule {
  rule: string;
  isAllowed: (from: SourceFile, target: string, each: Import) => boolean;
  breaking: { path: string; text: string };
}

const RULES: readonly ImportRule[] = [
  {
    rule: 'a module imports only what the table allows',
    isAllowed: ({ module }, target) =>
      moduleOf(target) === module || ALLOWED_IMPORTS[module]?.includes(moduleOf(target)) === true,
    breaking: { path: 'src/meta/sample.ts', text: "import { Vault } from '../vault/vault.ts';" },
  },
  {
    rule: 'an import names a file that exists, in full',
    isAllowed: (_, target) => existsSync(path.join(ROOT, target)),
    breaking: { path: 'src/vault/sample.ts', text: "export * from './vault';" },
  },
  {
    rule: 'modules load each other at startup, never later; only what starts them chooses what to load',
    isAllowed: ({ module }, __, { kind }) => [COMPOSITION, 'bootstrap'].includes(module) || kind !== 'dynamic',
    breaking: { path: 'src/leases/sample.ts', text: "await import('../vault/vault.ts');" },
  },
  {
    rule: 'a module keeps its entities to itself',
    isAllowed: ({ module }, target) =>
      module === COMPOSITION || !target.includes('.entity.') || moduleOf(target) === module,
    breaking: { path: 'src/leases/sample.ts', text: "import { Key } from '../vault/key.entity.ts';" },
  },
  {
    rule: 'a controller imports no other controller',
    isAllowed: ({ path: from }, target) => !from.endsWith('.controller.ts') || !target.endsWith('.controller.ts'),
    breaking: { path: 'src/leases/a.controller.ts', text: "import { B } from './b.controller.ts';" },
  },
];

/** `from → to` of the imports that a rule does not allow. */
function violations(among: readonly SourceFile[], { isAllowed }: ImportRule): string[] {
  return among.flatMap((file) =>
    file.imports.flatMap((each) =>
      each.target === null || isAllowed(file, each.target, each) ? [] : `${file.path} → ${each.target}`,
    ),
  );
}

describe.each(RULES)('$rule:', (rule) => {
  it('in every file', () => {
    expect(violations(files, rule)).toEqual([]);
  });

  it('not in a sample that breaks it', () => {
    expect(violations([parseSource(rule.breaking.path, rule.breaking.text)], rule)).toHaveLength(1);
  });
});

describe('the modules', () => {
  it('are those of the table', () => {
    const unknown = files.map(({ module }) => module).filter((module) => ALLOWED_IMPORTS[module] === undefined);
    expect([...new Set(unknown)]).toEqual([]);
  });

  it('are drawn in docs/architecture.md as the table has them', () => {
    const everything = ['composition', 'bootstrap', 'cli', 'sandbox', 'console'];
    const drawn = drawnImports(readFileSync(path.join(ROOT, 'docs/architecture.md'), 'utf8'));
    const allowed = Object.entries(ALLOWED_IMPORTS)
      .filter(([module]) => !everything.includes(module))
      .map(([module, targets]) => [module, targets.filter((target) => target !== 'migrations').sort()]);
    expect(Object.fromEntries(drawn)).toEqual(Object.fromEntries(allowed));
  });

  it('form no circle', () => {
    expect(findCircles(moduleImports(files))).toEqual([]);
  });

  it('have no circle among files, type imports included', () => {
    expect(findCircles(fileImports(files))).toEqual([]);
  });

  it('have circles found, in a sample with both kinds', () => {
    const sample = [
      parseSource('src/audit/a.ts', "import type { B } from '../vault/b.ts';"),
      parseSource('src/vault/b.ts', "import { A } from '../audit/a.ts';"),
    ];
    expect(findCircles(moduleImports(sample))).toEqual(['audit → vault → audit']);
    expect(findCircles(fileImports(sample))).toEqual(['src/audit/a.ts → src/vault/b.ts → src/audit/a.ts']);
  });

  it('have no barrel files', () => {
    expect(files.map(({ path: file }) => file).filter((file) => path.basename(file) === 'index.ts')).toEqual([]);
  });
});

function moduleImports(among: readonly SourceFile[]): Map<string, Set<string>> {
  const targetsOf = new Map<string, Set<string>>();
  for (const { module, imports } of among) {
    // main.ts starts bootstrap, which loads app.module.ts.
    if (module === COMPOSITION) continue;
    const targets = targetsOf.get(module) ?? new Set();
    for (const { target } of imports) if (target !== null && moduleOf(target) !== module) targets.add(moduleOf(target));
    targetsOf.set(module, targets);
  }
  return targetsOf;
}

function fileImports(among: readonly SourceFile[]): Map<string, Set<string>> {
  return new Map(
    among.map(({ path: from, imports }) => [from, new Set(imports.flatMap(({ target }) => target ?? []))]),
  );
}

/** What each module of the first diagram may import: along the arrows, as far as they lead. */
function drawnImports(markdown: string): Map<string, string[]> {
  const diagram = /```mermaid\nflowchart[\s\S]*?```/.exec(markdown)?.[0] ?? '';
  const arrows = [...diagram.matchAll(/([\w-]+) --> ([\w-]+)/g)].map(([, from = '', to = '']) => ({ from, to }));
  const reach = (module: string): string[] =>
    arrows.filter(({ from }) => from === module).flatMap(({ to }) => [to, ...reach(to)]);
  return new Map(
    arrows.flatMap(({ from, to }) => [from, to]).map((module) => [module, [...new Set(reach(module))].sort()]),
  );
}

/** The shortest cycle through each node that is on one, each cycle once. */
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

/** The nodes of the shortest path that leads from `start` back to it, `start` first; null if there is none. */
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
