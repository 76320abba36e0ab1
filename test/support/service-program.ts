import path from 'node:path';

const SUPPORT = import.meta.dirname;
const SOURCES = {
  main: path.join(SUPPORT, '../../src/main.ts'),
  cli: path.join(SUPPORT, '../../src/cli.ts'),
  'replica-process': path.join(SUPPORT, 'replica-process.mjs'),
};

/** Node's arguments for a program: bundled by `global-setup` if there is a build, else the sources as they are. */
export function serviceProgram(name: keyof typeof SOURCES): string[] {
  const bundle = process.env['PROGRAM_BUNDLE'];
  if (bundle !== undefined) return [path.join(bundle, `${name}.js`)];
  return ['--import', path.join(SUPPORT, 'typescript-hook.mjs'), SOURCES[name]];
}
