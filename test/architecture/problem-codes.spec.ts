import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { sourceFiles } from './source-files.ts';

const files = sourceFiles().map(({ path, tree }) => ({ path, ...readCodes(tree) }));

describe('problem codes', () => {
  it('are declared in the file that defines them, and only there', () => {
    const differing = files.filter(({ declared, defined }) => declared.join() !== defined.join());
    expect(differing).toEqual([]);
  });

  it('are found', () => {
    expect(files.flatMap(({ defined }) => defined)).toEqual(expect.arrayContaining(['not_found', 'lease_not_found']));
  });
});

/** The members of `interface ProblemCodes` and the codes of `defineProblem(…)`, sorted. */
function readCodes(tree: ts.SourceFile): { declared: string[]; defined: string[] } {
  const declared: string[] = [];
  const defined: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isInterfaceDeclaration(node) && node.name.text === 'ProblemCodes')
      declared.push(...node.members.map((member) => member.name?.getText(tree) ?? ''));
    if (ts.isCallExpression(node) && node.expression.getText(tree) === 'defineProblem') {
      const [code] = node.arguments;
      defined.push(code !== undefined && ts.isStringLiteral(code) ? code.text : 'no literal');
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return { declared: declared.sort(), defined: defined.sort() };
}
