// Builds the console's site into dist/console. Does nothing if the inputs are those of the last build.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '..');
const OUTPUT = path.join(ROOT, 'dist/console');
/** Holds the hash of the inputs of the last whole build. */
const STAMP = path.join(OUTPUT, '.vite/inputs.sha256');

/** Builds if an input has changed or an output is missing. */
async function buildConsole() {
  const inputs = hashInputs();
  if (fs.existsSync(STAMP) && fs.readFileSync(STAMP, 'utf8') === inputs) return;
  const { build } = await import('vite');
  // Built beside and renamed, so that a running service never gives out half a site.
  const outDir = `${OUTPUT}.${process.pid}`;
  try {
    await build({
      configFile: path.join(import.meta.dirname, 'vite.config.mjs'),
      logLevel: 'warn',
      build: { outDir },
    });
    fs.writeFileSync(path.join(outDir, path.relative(OUTPUT, STAMP)), inputs);
    fs.rmSync(OUTPUT, { recursive: true, force: true });
    fs.renameSync(outDir, OUTPUT);
  } finally {
    fs.rmSync(outDir, { recursive: true, force: true });
  }
}

/** Covers the sources and the versions of the tools and packages. */
function hashInputs() {
  const { devDependencies } = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
  const hash = createHash('sha256').update(JSON.stringify(devDependencies));
  const names = fs.readdirSync(import.meta.dirname, { recursive: true }).sort();
  for (const name of names) {
    const file = path.join(import.meta.dirname, name);
    if (fs.statSync(file).isFile()) hash.update(`\0${name}\0`).update(fs.readFileSync(file));
  }
  return hash.digest('hex');
}

await buildConsole();
