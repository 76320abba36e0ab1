import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

export const ROOT = path.resolve(import.meta.dirname, '../..');

export interface SourceFile {
  /** `src/auth/policy/roles.ts` */
  path: string;
  /** `auth`; for the files of `src` itself `composition`. */
  module: string;
  tree: ts.SourceFile;
  imports: Import[];
}

export interface Import {
  specifier: string;
  /** The imported file, if it is one of ours. */
  target: string | null;
  kind: 'static' | 'type' | 'dynamic';
}

export const COMPOSITION = 'composition';

export function moduleOf(file: string): string {
  const [top = '', module = '', ...rest] = file.split('/');
  if (top !== 'src') return top;
  return rest.length === 0 ? COMPOSITION : module;
}

/** Whether this file may contain SQL. */
export function isStatementFile(file: string): boolean {
  return /\.(repository|query)\.ts$/.test(file);
}

let parsed: readonly SourceFile[] | undefined;

/** Every TypeScript file under `src`, read and parsed once for all spec files of a worker. */
export function sourceFiles(): readonly SourceFile[] {
  parsed ??= readdirSync(path.join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => parse(path.posix.join('src', name.split(path.sep).join('/'))))
    .sort((a, b) => a.path.localeCompare(b.path));
  return parsed;
}

function parse(file: string): SourceFile {
  return parseSource(file, readFileSync(path.join(ROOT, file), 'utf8'));
}

/** Parses a file of this path and text, so that a sample need not be on disk. */
export function parseSource(file: string, text: string): SourceFile {
  const tree = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
  return { path: file, module: moduleOf(file), tree, imports: importsOf(tree, file) };
}

function importsOf(tree: ts.SourceFile, file: string): Import[] {
  const found: Import[] = [];
  const add = (specifier: ts.Node | undefined, kind: Import['kind']): void => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return;
    const target = specifier.text.startsWith('.') ? path.posix.join(path.posix.dirname(file), specifier.text) : null;
    found.push({ specifier: specifier.text, target, kind });
  };
  walk(tree, (node) => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeOnly(node) ? 'type' : 'static');
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly ? 'type' : 'static');
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], 'dynamic');
  });
  return found;
}

function isTypeOnly({ importClause }: ts.ImportDeclaration): boolean {
  if (importClause === undefined) return false;
  const { namedBindings, name } = importClause;
  const names = namedBindings !== undefined && ts.isNamedImports(namedBindings) ? namedBindings.elements : undefined;
  return importClause.isTypeOnly || (name === undefined && names?.every((each) => each.isTypeOnly) === true);
}

export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  node.forEachChild((child) => walk(child, visit));
}

/** `src/a/b.ts:12` */
export function locationOf(file: SourceFile, node: ts.Node): string {
  return `${file.path}:${file.tree.getLineAndCharacterOfPosition(node.getStart(file.tree)).line + 1}`;
}
