/** @jest-environment node */
import { describe, expect, it } from '@jest/globals';
import sql from 'sql-template-tag';
import { defineStatement } from '../../../src/database/statement.ts';

describe('defineStatement', () => {
  it('names a prepared statement with varying values', () => {
    const select = defineStatement<{ id: string }>('sample_prepared', ({ id }) => sql`SELECT ${id}`, { prepare: true });
    expect([select({ id: 'a' }), select({ id: 'b' })]).toEqual([
      { label: 'sample_prepared', name: 'sample_prepared', text: 'SELECT $1', values: ['a'] },
      { label: 'sample_prepared', name: 'sample_prepared', text: 'SELECT $1', values: ['b'] },
    ]);
  });

  it('rejects a prepared statement whose text depends on its parameters', () => {
    const build = ({ isLast }: { isLast: boolean }) => (isLast ? sql`SELECT ${1} DESC` : sql`SELECT ${1} ASC`);
    const select = defineStatement('sample_varying', build, { prepare: true });
    select({ isLast: true });
    expect(() => select({ isLast: false })).toThrow('sample_varying');
  });

  it('refuses to prepare a statement with variants', () => {
    const define = () =>
      defineStatement<{ a: boolean }>('sample_variants', () => sql`SELECT 1`, {
        prepare: true,
        variants: [{ a: true }],
      });
    expect(define).toThrow('several texts');
  });
});
