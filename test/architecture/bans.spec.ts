import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { locationOf, parseSource, type SourceFile, sourceFiles, walk } from './source-files.ts';

/** What no file may contain, each with a sample that the check must find. */
interface Ban {
  what: string;
  isBanned: (node: ts.Node) => boolean;
  sample: string;
  /** Modules and single files that may contain it. */
  except: readonly string[];
}

const FOUNDATION = ['platform', 'config'];
const RANDOM = /^(random(Bytes|UUID|Int|Fill|FillSync)|getRandomValues|randombytes_buf)$/;

const isMember = (object: string, name: string) => (node: ts.Node) =>
  ts.isPropertyAccessExpression(node) && node.name.text === name && node.expression.getText() === object;
const isCallOf = (name: string) => (node: ts.Node) =>
  ts.isCallExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === name;
const isNow = (node: ts.Node): boolean =>
  ts.isNewExpression(node) && node.expression.getText() === 'Date' && (node.arguments?.length ?? 0) === 0;
const importsRandomness = (node: ts.Node): boolean =>
  ts.isImportDeclaration(node) &&
  /^'(node:)?crypto'$/.test(node.moduleSpecifier.getText()) &&
  importedNames(node).some((name) => RANDOM.test(name));
const isRandomMember = (node: ts.Node): boolean =>
  ts.isPropertyAccessExpression(node) &&
  RANDOM.test(node.name.text) &&
  /^(crypto|sodium|globalThis\.crypto)$/.test(node.expression.getText());
const importsUndici = (node: ts.Node): boolean =>
  ts.isImportDeclaration(node) && node.moduleSpecifier.getText() === "'undici'";
const isModuleState = (node: ts.Node): boolean =>
  (ts.isVariableStatement(node) &&
    ts.isSourceFile(node.parent) &&
    (node.declarationList.flags & ts.NodeFlags.Const) === 0) ||
  (ts.isPropertyDeclaration(node) && hasModifier(node, 'static') && !hasModifier(node, 'readonly'));

const BANS: readonly Ban[] = [
  { what: 'the environment', isBanned: isMember('process', 'env'), sample: 'process.env.PORT', except: FOUNDATION },
  { what: 'Date.now', isBanned: isMember('Date', 'now'), sample: 'Date.now()', except: FOUNDATION },
  { what: 'new Date()', isBanned: isNow, sample: 'new Date()', except: FOUNDATION },
  { what: 'Math.random', isBanned: isMember('Math', 'random'), sample: 'Math.random()', except: FOUNDATION },
  {
    what: 'an import of randomness',
    isBanned: importsRandomness,
    sample: "import { randomBytes as bytes } from 'node:crypto';",
    except: FOUNDATION,
  },
  { what: 'randomness', isBanned: isRandomMember, sample: 'globalThis.crypto.randomUUID()', except: FOUNDATION },
  { what: 'fetch', isBanned: isCallOf('fetch'), sample: "fetch('https://example.com')", except: FOUNDATION },
  { what: 'undici', isBanned: importsUndici, sample: "import { request } from 'undici';", except: FOUNDATION },
  { what: 'forwardRef', isBanned: isCallOf('forwardRef'), sample: 'forwardRef(() => Vault)', except: [] },
  // Replicas of one process, and all spec files of one worker, share modules. A process has one tracer.
  {
    what: 'a variable of a module',
    isBanned: isModuleState,
    sample: 'export let last = 0;',
    except: ['src/platform/tracing.ts'],
  },
  {
    what: 'a variable of a class',
    isBanned: isModuleState,
    sample: 'class Leases { static #count = 0; }',
    except: ['src/platform/tracing.ts'],
  },
  {
    what: 'console',
    isBanned: (node) => ts.isPropertyAccessExpression(node) && node.expression.getText() === 'console',
    sample: "console.log('hello')",
    except: [],
  },
  {
    what: 'any',
    isBanned: ({ kind }) => kind === ts.SyntaxKind.AnyKeyword,
    sample: 'const value: any = 1;',
    except: [],
  },
];
/** File names that say nothing. */
const VAGUE_NAME = /(^|[/-])(utils?|common|helpers?|manager|base)([-.]|$)/;

const files = sourceFiles();

function findLocations(among: readonly SourceFile[], isBanned: (node: ts.Node) => boolean): string[] {
  return among.flatMap((file) => {
    const locations: string[] = [];
    walk(file.tree, (node) => {
      if (isBanned(node)) locations.push(locationOf(file, node));
    });
    return locations;
  });
}

describe.each(BANS)('$what', ({ isBanned, sample, except }) => {
  it('is in no file that may not use it', () => {
    const among = files.filter(({ module, path }) => !except.includes(module) && !except.includes(path));
    expect(findLocations(among, isBanned)).toEqual([]);
  });

  it('is found in a sample', () => {
    expect(findLocations([parseSource('src/leases/sample.ts', sample)], isBanned)).toEqual(['src/leases/sample.ts:1']);
  });
});

describe('a file name', () => {
  it('says what the file is about', () => {
    expect(files.map(({ path }) => path).filter((path) => VAGUE_NAME.test(path))).toEqual([]);
  });

  it.each(['src/leases/utils.ts', 'src/leases/lease-helper.ts', 'src/leases/base-lease.ts'])('%s is vague', (name) => {
    expect(name).toMatch(VAGUE_NAME);
  });
});

function hasModifier({ modifiers }: ts.PropertyDeclaration, name: 'static' | 'readonly'): boolean {
  const kind = name === 'static' ? ts.SyntaxKind.StaticKeyword : ts.SyntaxKind.ReadonlyKeyword;
  return modifiers?.some((modifier) => modifier.kind === kind) ?? false;
}

function importedNames({ importClause }: ts.ImportDeclaration): string[] {
  const bindings = importClause?.namedBindings;
  return bindings !== undefined && ts.isNamedImports(bindings)
    ? bindings.elements.map((each) => (each.propertyName ?? each.name).text)
    : [];
}
