// npm run sbom: prints the SBOM (CycloneDX) of what production installs, from the lock file alone. `npm sbom
// --omit=dev` leaves out packages that both production and a development package require, and fails if development
// packages are not installed.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '../..');
const read = (name) => JSON.parse(readFileSync(path.join(ROOT, name), 'utf8'));
const { devDependencies: _, optionalDependencies: __, ...manifest } = read('package.json');
const lock = read('package-lock.json');
const { devDependencies: ___, optionalDependencies: ____, ...root } = lock.packages[''];
const isInstalled = ({ dev, optional, devOptional }) => !dev && !optional && !devOptional;
const packages = Object.entries(lock.packages).filter(([name, each]) => name !== '' && isInstalled(each));

const folder = mkdtempSync(path.join(tmpdir(), 'metavault-sbom-'));
try {
  const write = (name, content) => writeFileSync(path.join(folder, name), JSON.stringify(content));
  write('package.json', manifest);
  write('package-lock.json', { ...lock, packages: { '': root, ...Object.fromEntries(packages) } });
  const command = ['sbom', '--package-lock-only', '--sbom-format=cyclonedx'];
  process.stdout.write(execFileSync('npm', command, { cwd: folder, maxBuffer: 64 * 1024 * 1024 }));
} finally {
  rmSync(folder, { recursive: true });
}
