import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { WATCHDOG_SCRIPT } from '../../src/database/embedded-postgres.ts';
import { findPostgresBinaries, findServerUser, type ServerUser } from '../../src/database/postgres-binaries.ts';
import { startDatabaseProxy } from './database-proxy.ts';
import { freePort } from './http-listener.ts';
import { databaseParentFolder } from './memory-folder.ts';
import { openResources } from './open-resources.ts';
import { until } from './until.ts';

/** Two servers in streaming replication, and one address that leads to the primary. */
export interface PostgresPair {
  /** The address that the service gets. */
  url: string;
  /** Of each server. */
  primaryUrl: string;
  standbyUrl: string;
  /** From now on commits wait for the standby. */
  replicateSynchronously(): Promise<void>;
  /** From now on replication is silent in both directions. */
  holdUpReplication(): void;
  /** Waits until the standby has all that the primary has. */
  caughtUp(): Promise<void>;
  /** Sends SIGKILL to the primary and all its processes. */
  killPrimary(): Promise<void>;
  /** The primary's machine is gone: open and new connections get no more answers. */
  cutOffPrimary(): void;
  /** Promotes the standby; resolves once it takes writes. */
  promote(): Promise<void>;
  /** Leads the address to the standby. Connections to a primary that was cut off stay silent. */
  switchOver(): void;
  close(): Promise<void>;
}

const STANDBY = 'standby';

export function startPostgresPair(): Promise<PostgresPair> {
  return openResources(async (closeLater) => {
    const user = findServerUser();
    const binaries = await findPostgresBinaries(user);
    const folder = mkdtempSync(path.join(databaseParentFolder(), 'metavault-pair-'));
    closeLater({ close: () => rmSync(folder, { recursive: true, force: true }) });
    chmodSync(folder, 0o755);
    const start = async (name: string, settings: Record<string, string> = {}): Promise<Server> =>
      closeLater(await startServer({ binaries, user, data: path.join(folder, name), settings }));
    initialize(binaries.initdb, path.join(folder, 'primary'), user);
    const primary = await start('primary');
    await copyData(primary.url, path.join(folder, 'primary'), path.join(folder, STANDBY), user);
    const replication = await startDatabaseProxy(primary.url);
    closeLater(replication);
    const { port } = new URL(replication.url);
    const source = `host=127.0.0.1 port=${port} user=postgres application_name=${STANDBY}`;
    const standby = await start(STANDBY, { primary_conninfo: source });
    const address = await startDatabaseProxy(primary.url);
    closeLater(address);
    const caughtUp = async (): Promise<void> => {
      await until(() => isCaughtUp(primary.url));
    };
    await caughtUp();
    let isCutOff = false;
    return {
      url: address.url,
      primaryUrl: primary.url,
      standbyUrl: standby.url,
      caughtUp,
      replicateSynchronously: () =>
        query(primary.url, `ALTER SYSTEM SET synchronous_standby_names = '${STANDBY}'`, 'SELECT pg_reload_conf()')
          .then(() =>
            until(
              () => query(primary.url, 'SHOW synchronous_standby_names'),
              ([row]) => row?.[0] === STANDBY,
            ),
          )
          .then(() => undefined),
      holdUpReplication: () => replication.silence(),
      killPrimary: () => primary.kill(),
      cutOffPrimary: () => {
        isCutOff = true;
        replication.silence();
        address.silence();
      },
      promote: async () => {
        await query(standby.url, 'SELECT pg_promote()');
      },
      switchOver: () => {
        if (!isCutOff) address.cut();
        address.leadTo(standby.url);
        address.restore();
      },
    };
  });
}

interface Server {
  url: string;
  kill(): Promise<void>;
  close(): Promise<void>;
}

function initialize(initdb: string, data: string, user: ServerUser | undefined): void {
  makeFolder(data, user);
  const flags = ['-U', 'postgres', '--auth=trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
  const { status, stderr } = spawnSync(initdb, ['-D', data, ...flags], { ...user, cwd: '/', encoding: 'utf8' });
  if (status !== 0) throw new Error(`initdb ended with ${status}: ${stderr}`);
}

function makeFolder(folder: string, user: ServerUser | undefined): void {
  mkdirSync(folder, { mode: 0o700 });
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
}

async function startServer(of: {
  binaries: { postgres: string };
  user: ServerUser | undefined;
  data: string;
  settings: Record<string, string>;
}): Promise<Server> {
  const port = await freePort();
  const flags = Object.entries({ ...SETTINGS, ...of.settings, port: String(port) });
  const args = ['-D', of.data, ...flags.flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  // Like the embedded server, it ends with this process, however that ends.
  const shell = spawn('/bin/sh', ['-c', WATCHDOG_SCRIPT, 'sh', of.binaries.postgres, ...args], {
    ...of.user,
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  await until(async () => {
    if (shell.exitCode !== null) throw new Error(`postgres ended with ${shell.exitCode}`);
    return query(url, 'SELECT 1').catch(() => null);
  });
  const pid = Number(readFileSync(path.join(of.data, 'postmaster.pid'), 'utf8').split('\n')[0]);
  return {
    url,
    kill: () => end(shell, () => killAll(pid)),
    close: () => end(shell, () => process.kill(pid, 'SIGQUIT')),
  };
}

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  // A standby must allow at least as many as its primary.
  max_connections: '200',
  wal_keep_size: '256MB',
  io_method: 'sync',
};

/** The server and the processes of its connections, which would otherwise finish their commits. */
function killAll(pid: number): void {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
  for (const each of [pid, ...children]) {
    try {
      process.kill(each, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

async function end(shell: ChildProcess, signal: () => void): Promise<void> {
  if (shell.exitCode !== null || shell.signalCode !== null) return;
  const ended = once(shell, 'exit');
  signal();
  await ended;
}

/** A base backup by the low-level interface, which needs nothing but the server. */
async function copyData(url: string, from: string, to: string, user: ServerUser | undefined): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`SELECT pg_backup_start('pair', true)`);
    makeFolder(to, user);
    const copied = spawnSync('cp', ['-a', `${from}/.`, to], { ...user, cwd: '/', encoding: 'utf8' });
    if (copied.status !== 0) throw new Error(`the copy failed: ${copied.stderr}`);
    const { rows } = await client.query<{ labelfile: string }>('SELECT labelfile FROM pg_backup_stop(false)');
    for (const file of ['postmaster.pid', 'postmaster.opts']) rmSync(path.join(to, file), { force: true });
    const write = (name: string, text: string): void => {
      writeFileSync(path.join(to, name), text);
      if (user !== undefined) chownSync(path.join(to, name), user.uid, user.gid);
    };
    write('backup_label', rows[0]?.labelfile ?? '');
    write('standby.signal', '');
  } finally {
    await client.end();
  }
}

async function isCaughtUp(primaryUrl: string): Promise<boolean> {
  const [row] = await query(
    primaryUrl,
    'SELECT coalesce(max(replay_lsn) >= pg_current_wal_flush_lsn(), false) FROM pg_stat_replication',
  );
  return row?.[0] === true;
}

/** Rows of the last statement, as arrays. */
async function query(url: string, ...statements: string[]): Promise<unknown[][]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  try {
    await client.connect();
    let rows: unknown[][] = [];
    for (const text of statements) rows = (await client.query<unknown[]>({ text, rowMode: 'array' })).rows;
    return rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}
