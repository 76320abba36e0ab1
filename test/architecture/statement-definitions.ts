import path from 'node:path';
import pg from 'pg';
import ts from 'typescript';
import type { ResultColumn } from '../support/describe-statement.ts';
import { ROOT } from './source-files.ts';

/** One call of `defineStatement`, as the compiler sees it. */
export interface StatementSource {
  /** Null if the name is not a plain string. */
  name: string | null;
  /** `src/auth/client.repository.ts:12` */
  location: string;
  /** Whether the text depends on the parameters. */
  isConditional: boolean;
  /** How the declared row type differs from the columns that Postgres returns; empty if it does not. */
  compareRow(columns: readonly ResultColumn[]): string[];
}

const { builtins } = pg.types;

/** What `pg` makes of the types of Postgres. */
const TYPES: Readonly<Record<number, string>> = {
  [builtins.BOOL]: 'boolean',
  [builtins.INT2]: 'number',
  [builtins.INT4]: 'number',
  [builtins.OID]: 'number',
  [builtins.FLOAT4]: 'number',
  [builtins.FLOAT8]: 'number',
  [builtins.INT8]: 'string',
  [builtins.NUMERIC]: 'string',
  [builtins.CHAR]: 'string',
  [builtins.TEXT]: 'string',
  [builtins.VARCHAR]: 'string',
  19: 'string', // name
  [builtins.BYTEA]: 'Buffer',
  [builtins.TIMESTAMP]: 'Date',
  [builtins.TIMESTAMPTZ]: 'Date',
  [builtins.JSON]: 'any',
  [builtins.JSONB]: 'any',
  2278: 'any', // void
  1000: 'boolean[]',
  1001: 'Buffer[]',
  1005: 'number[]', // int2[]
  1007: 'number[]', // int4[]
  1016: 'string[]', // int8[]
  1009: 'string[]', // text[]
  1015: 'string[]', // varchar[]
  1185: 'Date[]', // timestamptz[]
};

/** Every call of `defineStatement` in the given files. */
export function readStatementDefinitions(files: readonly string[]): StatementSource[] {
  const program = createProgram(files);
  const checker = program.getTypeChecker();
  return files.flatMap((file) => {
    const tree = program.getSourceFile(path.join(ROOT, file));
    if (tree === undefined) throw new Error(`${file} is not part of the program`);
    const found: StatementSource[] = [];
    const visit = (node: ts.Node): void => {
      if (ts.isCallExpression(node) && node.expression.getText() === 'defineStatement')
        found.push(readDefinition(node, file, checker));
      node.forEachChild(visit);
    };
    visit(tree);
    return found;
  });
}

function createProgram(files: readonly string[]): ts.Program {
  const { config } = ts.readConfigFile(path.join(ROOT, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, files: [], include: [] }, ts.sys, ROOT);
  return ts.createProgram(
    files.map((file) => path.join(ROOT, file)),
    { ...options, noEmit: true, types: ['node'] },
  );
}

function readDefinition(call: ts.CallExpression, file: string, checker: ts.TypeChecker): StatementSource {
  const [name, build] = call.arguments;
  const rowNode = call.typeArguments?.[1];
  const line = call.getSourceFile().getLineAndCharacterOfPosition(call.getStart()).line + 1;
  return {
    name: name !== undefined && ts.isStringLiteralLike(name) ? name.text : null,
    location: `${file}:${line}`,
    isConditional: build !== undefined && isConditional(build, checker),
    compareRow: (columns) =>
      rowNode === undefined ? [] : compareRow(checker.getTypeFromTypeNode(rowNode), columns, checker),
  };
}

/** Each member of a union must have exactly the columns; one that is always null in it is declared as `null`. */
function compareRow(row: ts.Type, columns: readonly ResultColumn[], checker: ts.TypeChecker): string[] {
  const members = row.isUnion() ? row.types : [row];
  const differences = members.flatMap((member) => {
    const properties = new Map(checker.getPropertiesOfType(member).map((property) => [property.name, property]));
    const undeclared = columns.filter(({ name }) => !properties.has(name)).map(({ name }) => `${name} is not declared`);
    const missing = [...properties.keys()]
      .filter((name) => !columns.some((column) => column.name === name))
      .map((name) => `${name} is not returned`);
    const mistyped = columns.flatMap(({ name, typeId }) => {
      const property = properties.get(name);
      if (property === undefined) return [];
      const declared = checker.getTypeOfSymbol(property);
      const expected = TYPES[typeId] ?? `a type that this test does not know (${typeId})`;
      return isOfType(declared, expected, checker)
        ? []
        : [`${name} is ${expected}, declared as ${checker.typeToString(declared)}`];
    });
    return [...undeclared, ...missing, ...mistyped];
  });
  return [...new Set(differences)];
}

/** Whether every value of `declared` but null is one of `expected`. */
function isOfType(declared: ts.Type, expected: string, checker: ts.TypeChecker): boolean {
  if (expected === 'any') return true;
  const type = checker.getNonNullableType(declared);
  if (type.isUnion()) return type.types.every((each) => isOfType(each, expected, checker));
  // Null in this member of a union.
  if (type.flags & ts.TypeFlags.Never) return true;
  if (type.flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) return false;
  if (expected.endsWith('[]')) {
    const element = checker.isArrayType(type) ? checker.getTypeArguments(type as ts.TypeReference)[0] : undefined;
    return element !== undefined && isOfType(element, expected.slice(0, -'[]'.length), checker);
  }
  switch (expected) {
    case 'string':
      return isPrimitive(type, ts.TypeFlags.StringLike);
    case 'number':
      return isPrimitive(type, ts.TypeFlags.NumberLike);
    case 'boolean':
      return isPrimitive(type, ts.TypeFlags.BooleanLike);
    default:
      return type.getSymbol()?.name === expected;
  }
}

/** A branded id is an intersection of a string and its brand. */
function isPrimitive(type: ts.Type, flags: ts.TypeFlags): boolean {
  return (type.flags & flags) !== 0 || (type.isIntersection() && type.types.some((part) => isPrimitive(part, flags)));
}

/** Whether the text depends on a branch, in the builder or in a function of ours that makes a fragment. */
function isConditional(builder: ts.Node, checker: ts.TypeChecker, seen: Set<ts.Node> = new Set<ts.Node>()): boolean {
  if (seen.has(builder)) return false;
  seen.add(builder);
  let found = false;
  const visit = (node: ts.Node): void => {
    if (found) return;
    found =
      ts.isIfStatement(node) ||
      ts.isSwitchStatement(node) ||
      (ts.isConditionalExpression(node) && isSql(checker.getTypeAtLocation(node))) ||
      (ts.isElementAccessExpression(node) && isSql(checker.getTypeAtLocation(node))) ||
      (ts.isCallExpression(node) && isSql(checker.getTypeAtLocation(node)) && isConditionalCall(node));
    node.forEachChild(visit);
  };
  const isConditionalCall = (call: ts.CallExpression): boolean => {
    // With the same arguments each time, a function gives the same fragment each time.
    if (call.arguments.every((argument) => ts.isLiteralExpression(argument))) return false;
    const symbol = checker.getSymbolAtLocation(call.expression);
    const resolved =
      symbol !== undefined && symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    const declaration = resolved?.valueDeclaration;
    return (
      declaration !== undefined &&
      !declaration.getSourceFile().isDeclarationFile &&
      isConditional(declaration, checker, seen)
    );
  };
  visit(builder);
  return found;
}

function isSql(type: ts.Type): boolean {
  return type.getSymbol()?.name === 'Sql';
}
