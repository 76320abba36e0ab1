import { describe, expect, it } from '@jest/globals';
import '../../src/app.module.ts';
import { definedStatements, type RegisteredStatement } from '../../src/database/statement.ts';
import { buildStatement } from './build-statement.ts';

const statements = [...definedStatements().values()];

/** The assignments of every UPDATE of the table, by statement. */
function assignmentsOf(table: string): [string, string][] {
  const update = new RegExp(
    String.raw`\bUPDATE ${table}(?: [a-z])?\s+SET\b([\s\S]*?)(?=\bFROM [a-z]+\b|\bWHERE\b|$)`,
    'g',
  );
  return statements.flatMap((statement) =>
    textsOf(statement).flatMap((text) =>
      [...text.matchAll(update)].map(([, assignments = '']): [string, string] => [
        statement.statementName,
        assignments,
      ]),
    ),
  );
}

function textsOf(statement: RegisteredStatement): string[] {
  const { variants } = statement;
  return (variants.length === 0 ? [{}] : variants).map((variant) => buildStatement(statement, variant).text);
}

/** Whether the column is set to a literal, at once or by a CASE. */
function namesValue(assignments: string, column: string, values: string): boolean {
  return new RegExp(String.raw`(?:^|,)\s*${column}\s*=\s*'|\b(?:THEN|ELSE) '(?:${values})'`).test(assignments);
}

describe('no statement names a new state itself: it is a value of the transition table', () => {
  it('of connections', () => {
    const assignments = assignmentsOf('connection');
    expect(assignments.length).toBeGreaterThan(5);
    expect(assignments.filter(([, text]) => namesValue(text, 'status', 'active|reauth_required|revoked'))).toEqual([]);
  });

  it('of credentials', () => {
    const assignments = assignmentsOf('credential');
    expect(assignments.length).toBeGreaterThan(5);
    expect(assignments.filter(([, text]) => namesValue(text, 'health', 'healthy|expiring|invalid|unknown'))).toEqual(
      [],
    );
  });
});
