// Compiles the package for ESM and CommonJS. Takes no time if nothing has changed.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';

const folder = import.meta.dirname;
const compiler = path.join(folder, '../../node_modules/typescript-7/bin/tsc');

execFileSync(process.execPath, [compiler, '-b', 'tsconfig.json', 'tsconfig.cjs.json'], {
  cwd: folder,
  stdio: 'inherit',
});
// The package's own type is "module".
writeFileSync(path.join(folder, 'dist/cjs/package.json'), '{ "type": "commonjs" }\n');
