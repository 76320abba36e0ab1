import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { citationFaults } from './citations.ts';
import { ROOT } from './source-files.ts';

const MAX_COLUMNS = 120;
const COMMENT = /^\s*(?:\/\/|\/?\*|--)/;

const texts = ['src', 'migrations', 'test'].flatMap((folder) =>
  readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|mjs|sql)$/.test(name) && !/(comments\.spec|citations)\.ts$/.test(name))
    .map((name) => path.posix.join(folder, name.split(path.sep).join('/')))
    .map((file) => ({ file, text: readFileSync(path.join(ROOT, file), 'utf8') })),
);

function longComments(text: string): number[] {
  return text.split('\n').flatMap((line, index) => (line.length > MAX_COLUMNS && COMMENT.test(line) ? index + 1 : []));
}

describe('a citation', () => {
  it('leads to a page of this repository, and to a heading of it', () => {
    expect(texts.flatMap(({ file, text }) => citationFaults(text).map((fault) => `${file}:${fault}`))).toEqual([]);
  });

  it.each([
    ['// docs/no-such-page.md', '1: docs/no-such-page.md is not there'],
    ['// docs/api.md#no-such-heading', '1: docs/api.md#no-such-heading has no such heading'],
    ['\n// META.md 12.1', '2: META.md is not in this repository'],
    ['// CONTRACT 10', '1: CONTRACT is not in this repository'],
  ])('%j leads nowhere', (text, fault) => {
    expect(citationFaults(text)).toEqual([fault]);
  });
});

describe('a comment', () => {
  it(`has no line of more than ${MAX_COLUMNS} characters`, () => {
    expect(texts.flatMap(({ file, text }) => longComments(text).map((line) => `${file}:${line}`))).toEqual([]);
  });

  it('is found where it has one', () => {
    expect(longComments(`const a = 1;\n * ${'word '.repeat(24)}\n`)).toEqual([2]);
  });
});
