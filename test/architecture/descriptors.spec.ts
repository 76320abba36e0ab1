import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { FLOWS, PRODUCTS, TOKEN_KINDS } from '../../src/config/products.ts';
import { locationOf, type SourceFile, sourceFiles, walk } from './source-files.ts';

const MEMBERS = new Set<string>([...PRODUCTS, ...FLOWS, ...TOKEN_KINDS]);
const HOSTS = new Set(['facebook', 'instagram', 'instagram_api', 'threads']);
/** Members that mean something else elsewhere (`type === 'page'`): they count only next to a name from the union. */
const AMBIGUOUS = new Set(['user', 'page', 'ads', 'pages', 'instagram', 'threads', 'import', 'facebook']);
const NAMES_A_UNION = /(^|[a-z])(product|kind|flow)s?$/i;
const NAMES_A_HOST = /host(name)?$/i;

/** The sandbox imports nothing of ours and has kinds of its own. */
const files = sourceFiles().filter(({ module }) => module !== 'sandbox');

/** Where kinds, flows and products are described, and the few files that name one for a reader or for Meta. */
const TABLES = [
  'src/config/',
  'src/connect/products/',
  // What each product is called, in every language.
  'src/customer-pages/messages/',
  'src/connections/credentials/credential-kind-rules.ts',
  'src/meta/dialog/login-flows.ts',
  'src/meta/dialog/products.ts',
  'src/meta/tokens/token-kinds.ts',
  // A parameter that Meta requires; an example in the API document; the demo's session; what an operator set.
  'src/meta/assets/whatsapp-api.ts',
  'src/meta/assets/phone-synchronization-api.ts',
  'src/clients/client-policy-request.dto.ts',
  'src/bootstrap/demo.ts',
  // MetaApps decides which app a call belongs to; the dialog is built for the app it is given.
  'src/meta/meta-apps.ts',
  'src/meta/graph/graph-host.ts',
  'src/meta/dialog/dialog-url.ts',
  // Apps as data: what an admin gives and is told of each, inner apps and login configurations included.
  'src/apps/',
  // The doctor checks the settings themselves, and `GET /v1/settings` shows them.
  'src/operations/doctor/app-checks.ts',
  'src/operations/settings/settings.service.ts',
];
const outsideOfTables = files.filter(({ path }) => !TABLES.some((table) => path.startsWith(table)));

describe('what depends on a token kind, product, flow or API host', () => {
  it('is said by its descriptor: nothing else compares one with a literal', () => {
    expect(files.flatMap((file) => findComparisons(file))).toEqual([]);
  });

  it('stands in the tables: no other file writes the name of a kind or flow, or reads the secret of an app', () => {
    expect(outsideOfTables.flatMap((file) => findNames(file))).toEqual([]);
  });

  it('finds comparisons in every form', () => {
    const found = (text: string): number => findComparisons(parse(text)).length;
    for (const text of [
      "if (product === 'whatsapp') f();",
      "const a = 'page' !== credential.kind;",
      "const a = credential?.tokenKind == 'user';",
      "const a = x === 'instagram_user';",
      "switch (session.flow) { case 'import': f(); }",
      "switch (x) { case 'embedded_signup': f(); }",
      "const a = ['user', 'system_user'].includes(root.kind);",
      "const a = new Set<TokenKind>(['threads_user']).has(kind);",
      "const a = host.name === 'threads';",
      "const a = hostName !== 'facebook';",
    ]) {
      expect([text, found(text)]).toEqual([text, 1]);
    }
    for (const text of [
      "if (asset.type === 'page') f();",
      "if (verdict.kind === 'dead') f();",
      "const a = { kind: 'page', flow: 'import' };",
      "const a = tokenKind('page').isDerived;",
      "const a = granted ?? 'user';",
    ]) {
      expect([text, found(text)]).toEqual([text, 0]);
    }
  });
});

function findComparisons(file: SourceFile): string[] {
  const found: string[] = [];
  walk(file.tree, (node) => {
    if (comparedPairs(node).some(([left, right]) => isDecision(left, right) || isDecision(right, left)))
      found.push(locationOf(file, node));
  });
  return found;
}

/** Unambiguous names of kinds, flows, and products, as text or key, and uses of one app's credentials. */
function findNames(file: SourceFile): string[] {
  const found: string[] = [];
  walk(file.tree, (node) => {
    const isText = ts.isStringLiteralLike(node) || ts.isIdentifier(node);
    if (isText && ((MEMBERS.has(node.text) && !AMBIGUOUS.has(node.text)) || APP_SETTINGS.has(node.text)))
      found.push(locationOf(file, node));
  });
  return found;
}

const APP_SETTINGS = new Set(['instagramApp', 'threadsApp', 'previousAppSecret']);

/** What a node compares: by `===` and the like, `case`, `includes` of a list, `has` of an inline set. */
function comparedPairs(node: ts.Node): [ts.Expression, ts.Expression][] {
  if (ts.isBinaryExpression(node) && COMPARISONS.has(node.operatorToken.kind)) return [[node.left, node.right]];
  if (ts.isSwitchStatement(node)) {
    const cases = node.caseBlock.clauses.filter(ts.isCaseClause);
    const [first] = cases.filter(({ expression }) => isDecision(node.expression, expression));
    return first === undefined ? [] : [[node.expression, first.expression]];
  }
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return [];
  const [argument] = node.arguments;
  const { name, expression } = node.expression;
  if (argument === undefined || (name.text !== 'includes' && name.text !== 'has')) return [];
  const [member] = listOf(expression);
  return member === undefined ? [] : [[argument, member]];
}

const COMPARISONS = new Set([
  ts.SyntaxKind.EqualsEqualsEqualsToken,
  ts.SyntaxKind.ExclamationEqualsEqualsToken,
  ts.SyntaxKind.EqualsEqualsToken,
  ts.SyntaxKind.ExclamationEqualsToken,
]);

function listOf(node: ts.Expression): readonly ts.Expression[] {
  if (ts.isArrayLiteralExpression(node)) return node.elements;
  if (ts.isNewExpression(node) && node.arguments?.[0] !== undefined) return listOf(node.arguments[0]);
  return [];
}

function isDecision(asked: ts.Expression, literal: ts.Expression): boolean {
  if (!ts.isStringLiteralLike(literal)) return false;
  const { text } = literal;
  if (MEMBERS.has(text) && (!AMBIGUOUS.has(text) || NAMES_A_UNION.test(lastName(asked)))) return true;
  return HOSTS.has(text) && (NAMES_A_HOST.test(lastName(asked)) || /\bhost\??\.name$/i.test(asked.getText()));
}

/** `kind` of `credential?.kind` */
function lastName(node: ts.Expression): string {
  if (ts.isIdentifier(node)) return node.text;
  if (ts.isPropertyAccessExpression(node)) return node.name.text;
  if (ts.isElementAccessExpression(node) && ts.isStringLiteralLike(node.argumentExpression))
    return node.argumentExpression.text;
  return ts.isNonNullExpression(node) || ts.isParenthesizedExpression(node) ? lastName(node.expression) : '';
}

function parse(text: string): SourceFile {
  const tree = ts.createSourceFile('x.ts', text, ts.ScriptTarget.ES2022, true);
  return { path: 'x.ts', module: 'x', tree, imports: [] };
}
