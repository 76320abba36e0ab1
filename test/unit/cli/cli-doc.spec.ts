import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { runProgram } from '../../../src/cli/program.ts';
import { listCommands, readProgram, renderCliPage } from '../../support/cli-reference.ts';
import { findParsedCommand, splitWords } from '../../support/command-lines.ts';

const page = readFileSync(path.resolve(import.meta.dirname, '../../../docs/cli.md'), 'utf8');

/** The lines of all blocks in this language. */
const linesOf = (language: string): string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].flatMap(([, text = '']) =>
    text.split('\n').filter((line) => line !== '' && !line.startsWith('#')),
  );

describe('docs/cli.md', () => {
  it('is what the program says of itself: npm run docs:cli brings it up to date', () => {
    expect(page).toBe(renderCliPage(page));
  });

  it('describes every command', () => {
    const headings = [...page.matchAll(/^### metavault (.+)$/gm)].map(([, words]) => words);
    expect(headings).toEqual(listCommands(readProgram()).map(({ path: words }) => words));
  });

  it('has command lines that parse, but for the one that shows an error', async () => {
    const lines = linesOf('sh');
    expect(lines.length).toBeGreaterThan(40);
    const refused: string[] = [];
    for (const line of lines) await findParsedCommand(readProgram(), line).catch(() => refused.push(line));
    expect(refused).toEqual(['metavault keys retire --json']);
  });

  it('shows the error that this one gives', async () => {
    const err: string[] = [];
    const process = { environment: {}, print: () => undefined, printError: (text: string) => void err.push(text) };
    expect(await runProgram(splitWords('keys retire --json'), process)).toBe(2);
    expect(linesOf('json')).toEqual(err);
  });
});
