// `npm run check`: everything that must pass before a merge, the quick steps first. Tests run if the rest passes.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '../..');
const CACHE = path.join(ROOT, 'node_modules/.cache/metavault');
/** Steps that run in parallel: as many as CI has processors. */
const LANES = 2;

/** Scripts of package.json, the longest first. `inputs`: a step that passed is skipped while these are unchanged. */
const STEPS = [
  { script: 'spelling' },
  { script: 'typecheck' },
  { script: 'lint' },
  {
    script: 'openapi:lint',
    inputs: ['docs/openapi.json', 'redocly.yaml', '.spectral.yaml', 'package.json', 'package-lock.json'],
  },
  { script: 'knip' },
  { script: 'links' },
];

const waiting = [...STEPS];
const failed = [];
await Promise.all(Array.from({ length: LANES }, runWaiting));
if (failed.length > 0) {
  process.stdout.write(`failed: ${failed.join(', ')}; the tests were not run\n`);
  process.exitCode = 1;
} else {
  process.exitCode = await runNpm(['test'], 'inherit').then(({ code }) => code);
}

async function runWaiting() {
  for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) await runStep(step);
}

async function runStep({ script, inputs = [] }) {
  const proof = inputs.length === 0 ? null : path.join(CACHE, `${script.replace(':', '-')}-${hash(inputs)}`);
  if (proof !== null && fs.existsSync(proof)) {
    process.stdout.write(`passed  ${script}, with the same files as before\n`);
    return;
  }
  const begun = performance.now();
  const { code, output } = await runNpm(['run', '--silent', script], 'pipe');
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  process.stdout.write(
    code === 0 ? `passed  ${script}, ${seconds} s\n` : `FAILED  ${script}, ${seconds} s\n${output}\n`,
  );
  if (code !== 0) failed.push(script);
  else if (proof !== null) {
    fs.mkdirSync(CACHE, { recursive: true });
    fs.writeFileSync(proof, '');
  }
}

function hash(files) {
  const sum = createHash('sha256');
  for (const file of files) sum.update(fs.readFileSync(path.join(ROOT, file)));
  return sum.digest('hex').slice(0, 16);
}

/** Runs `npm`, and returns its exit code and, with `pipe`, what it printed. */
function runNpm(options, stdio) {
  return new Promise((resolve, reject) => {
    const child = spawn('npm', options, {
      cwd: ROOT,
      stdio: ['inherit', stdio, stdio],
      shell: process.platform === 'win32',
    });
    const chunks = [];
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => chunks.push(chunk));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? 1, output: Buffer.concat(chunks).toString() }));
  });
}
