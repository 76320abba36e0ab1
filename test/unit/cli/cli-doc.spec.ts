import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { listCommands, readProgram, renderCliPage } from '../../support/cli-reference.ts';

const page = readFileSync(path.resolve(import.meta.dirname, '../../../docs/cli.md'), 'utf8');

describe('docs/cli.md', () => {
  it('is what the program says of itself: npm run docs:cli brings it up to date', () => {
    expect(page).toBe(renderCliPage(page));
  });

  it('describes every command', () => {
    const headings = [...page.matchAll(/^### metavault (.+)$/gm)].map(([, words]) => words);
    expect(headings).toEqual(listCommands(readProgram()).map(({ path: words }) => words));
  });
});
