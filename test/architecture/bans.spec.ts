import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { locationOf, type SourceFile, sourceFiles, walk } from './source-files.ts';

const files = sourceFiles();
const outside = (...modules: string[]): SourceFile[] => files.filter(({ module }) => !modules.includes(module));

/** The locations of banned nodes. */
function findLocations(among: readonly SourceFile[], isBanned: (node: ts.Node) => boolean): string[] {
  return among.flatMap((file) => {
    const locations: string[] = [];
    walk(file.tree, (node) => {
      if (isBanned(node)) locations.push(locationOf(file, node));
    });
    return locations;
  });
}

const isMember = (object: string, name: string) => (node: ts.Node) =>
  ts.isPropertyAccessExpression(node) && node.name.text === name && node.expression.getText() === object;
const isCallOf = (name: string) => (node: ts.Node) =>
  ts.isCallExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === name;

const RANDOM = /^(random(Bytes|UUID|Int|Fill|FillSync)|getRandomValues|randombytes_buf)$/;

describe('outside of platform and config no file uses directly', () => {
  const modules = outside('platform', 'config');

  it('the environment', () => {
    expect(findLocations(modules, isMember('process', 'env'))).toEqual([]);
  });

  it('the time', () => {
    expect(findLocations(modules, isMember('Date', 'now'))).toEqual([]);
    const isNow = (node: ts.Node): boolean =>
      ts.isNewExpression(node) && node.expression.getText() === 'Date' && (node.arguments?.length ?? 0) === 0;
    expect(findLocations(modules, isNow)).toEqual([]);
  });

  it('randomness', () => {
    expect(findLocations(modules, isMember('Math', 'random'))).toEqual([]);
    const isCryptos = (node: ts.Node): boolean =>
      (ts.isImportDeclaration(node) &&
        /^'(node:)?crypto'$/.test(node.moduleSpecifier.getText()) &&
        importedNames(node).some((name) => RANDOM.test(name))) ||
      (ts.isPropertyAccessExpression(node) &&
        RANDOM.test(node.name.text) &&
        /^(crypto|sodium|globalThis\.crypto)$/.test(node.expression.getText()));
    expect(findLocations(modules, isCryptos)).toEqual([]);
  });

  it('the network', () => {
    expect(findLocations(modules, isCallOf('fetch'))).toEqual([]);
    const importers = modules.filter(({ imports }) => imports.some(({ specifier }) => specifier === 'undici'));
    expect(importers.map(({ path }) => path)).toEqual([]);
  });
});

describe('nowhere is there', () => {
  it('forwardRef', () => {
    expect(findLocations(files, isCallOf('forwardRef'))).toEqual([]);
  });

  it('console', () => {
    expect(
      findLocations(files, (node) => ts.isPropertyAccessExpression(node) && node.expression.getText() === 'console'),
    ).toEqual([]);
  });

  it('any', () => {
    expect(findLocations(files, ({ kind }) => kind === ts.SyntaxKind.AnyKeyword)).toEqual([]);
  });

  it('a file whose name says nothing', () => {
    const vague = /(^|[/-])(utils?|common|helpers?|manager|base)([-.]|$)/;
    expect(files.map(({ path }) => path).filter((path) => vague.test(path))).toEqual([]);
  });
});

function importedNames({ importClause }: ts.ImportDeclaration): string[] {
  const bindings = importClause?.namedBindings;
  return bindings !== undefined && ts.isNamedImports(bindings)
    ? bindings.elements.map((each) => (each.propertyName ?? each.name).text)
    : [];
}
