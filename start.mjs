// `npm start`: builds what has changed since the last start, then runs the bundle in this process.
import { spawn } from 'node:child_process';
import module from 'node:module';
import path from 'node:path';
import { isBundleCurrent } from './bundle.mjs';
import { isConsoleCurrent } from './console/build.mjs';
import { areCustomerPagesCurrent } from './customer-pages/build.mjs';

const ROOT = import.meta.dirname;
const BUILDS = [
  { file: 'bundle.mjs', isCurrent: isBundleCurrent },
  { file: 'console/build.mjs', isCurrent: isConsoleCurrent },
  { file: 'customer-pages/build.mjs', isCurrent: areCustomerPagesCurrent },
];

const codes = await Promise.all(BUILDS.filter(({ isCurrent }) => !isCurrent()).map(({ file }) => run(file)));
const failure = codes.find((code) => code !== 0);
if (failure !== undefined) process.exit(failure);
// Since Node 22.1. Next to the packages: anyone who can write there can change the code itself.
module.enableCompileCache?.(path.join(ROOT, 'node_modules/.cache/metavault/compiled'));
await import('./dist/bundle/main.js');

/** Builds in separate processes: in parallel, and without adding their memory to the service. Returns the exit code. */
function run(file) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path.join(ROOT, file)], { stdio: ['ignore', 'inherit', 'inherit'] });
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}
