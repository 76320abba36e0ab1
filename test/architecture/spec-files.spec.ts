import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ROOT } from './source-files.ts';

const DEFINITION = /\bdefine(Statement|Problem|ErrorCode)\(/;
const OWN_MODULES = /^\/\*\* @jest-environment node \*\/\n/;

describe('a spec file that defines a statement or a code', () => {
  const defining = readdirSync(path.join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.spec.ts') && !name.startsWith('architecture'))
    .map((name) => ({ name, text: readFileSync(path.join(ROOT, 'test', name), 'utf8') }))
    .filter(({ text }) => DEFINITION.test(text));

  // Otherwise its definitions would also be in the lists of all definitions, which other spec files check.
  it('has modules of its own', () => {
    expect(defining.length).toBeGreaterThan(0);
    expect(defining.filter(({ text }) => !OWN_MODULES.test(text)).map(({ name }) => name)).toEqual([]);
  });
});
