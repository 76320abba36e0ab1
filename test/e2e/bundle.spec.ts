import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from '@jest/globals';

const ROOT = path.resolve(import.meta.dirname, '../..');
const SOURCES = [
  'src',
  'migrations',
  'bundle.mjs',
  'build-inputs.mjs',
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
];
const PROGRAM = 'src/cli/program.ts';

const checkout = fs.mkdtempSync(path.join(os.tmpdir(), 'metavault-bundle-'));
afterAll(() => fs.rmSync(checkout, { recursive: true, force: true }));

/** Runs a file of the checkout and returns what it prints. */
const run = (file: string, ...options: string[]): string =>
  execFileSync(process.execPath, [path.join(checkout, file), ...options], { encoding: 'utf8' });

it('the bundle is made of the sources as they are, and only if they have changed', () => {
  for (const name of SOURCES) fs.cpSync(path.join(ROOT, name), path.join(checkout, name), { recursive: true });
  fs.symlinkSync(path.join(ROOT, 'node_modules'), path.join(checkout, 'node_modules'));
  const built = path.join(checkout, 'dist/bundle/cli.js');

  run('bundle.mjs');
  expect(run('dist/bundle/cli.js', '--help')).not.toContain('--changed-since');
  const { ino } = fs.statSync(built);
  run('bundle.mjs');
  expect(fs.statSync(built).ino).toBe(ino);

  const source = fs.readFileSync(path.join(checkout, PROGRAM), 'utf8');
  const changed = source.replace("new Command('metavault')", "$&.option('--changed-since <instant>')");
  expect(changed).not.toBe(source);
  // As `git checkout` may leave it: no newer than the bundle.
  const { atime, mtime } = fs.statSync(path.join(checkout, PROGRAM));
  fs.writeFileSync(path.join(checkout, PROGRAM), changed);
  fs.utimesSync(path.join(checkout, PROGRAM), atime, mtime);
  run('bundle.mjs');
  expect(run('dist/bundle/cli.js', '--help')).toContain('--changed-since');
});
