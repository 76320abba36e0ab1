// Builds the console's site into dist/console. Does nothing if the inputs are those of the last build.
import fs from 'node:fs';
import path from 'node:path';
import { hashInputs, isProgram, isStamped, replaceFolder } from '../build-inputs.mjs';

const ROOT = path.resolve(import.meta.dirname, '..');
const OUTPUT = path.join(ROOT, 'dist/console');
/** Holds the hash of the inputs of the last whole build. */
const STAMP = path.join(OUTPUT, '.vite/inputs.sha256');

/** True if the site is of these sources and packages. */
export function isConsoleCurrent() {
  return isStamped(STAMP, hashConsoleInputs());
}

async function buildConsole() {
  const inputs = hashConsoleInputs();
  if (isStamped(STAMP, inputs)) return;
  const { build } = await import('vite');
  await replaceFolder(OUTPUT, async (outDir) => {
    await build({
      configFile: path.join(import.meta.dirname, 'vite.config.mjs'),
      logLevel: 'warn',
      build: { outDir },
    });
    fs.writeFileSync(path.join(outDir, path.relative(OUTPUT, STAMP)), inputs);
  });
}

/** Covers the sources and the versions of the tools and packages. */
function hashConsoleInputs() {
  const { devDependencies } = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
  return hashInputs(ROOT, ['console', 'build-inputs.mjs'], devDependencies);
}

if (isProgram(import.meta)) await buildConsole();
