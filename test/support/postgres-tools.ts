import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { findServerUser, type ServerUser } from '../../src/database/postgres-binaries.ts';
import { freePort } from './http-listener.ts';

/** The installed `pg_dump`, `pg_restore`, and server of the same version, or why there are none. */
export type PostgresTools = { bin: string } | { why: string };

/** pg_dump reads servers up to its own version only, so it needs the server that it came with. */
export function findPostgresTools(): PostgresTools {
  const asked = spawnSync('pg_config', ['--bindir'], { encoding: 'utf8' });
  if (asked.status !== 0) return { why: 'pg_config is not installed' };
  const bin = asked.stdout.trim();
  const missing = ['pg_dump', 'pg_restore', 'initdb', 'postgres'].filter((name) => !existsSync(path.join(bin, name)));
  return missing.length === 0 ? { bin } : { why: `${missing.join(', ')} not in ${bin}` };
}

export interface ToolServer {
  /** An empty database of its own. */
  empty(): Promise<string>;
  /** Runs one of the tools; throws its output if it fails. */
  run(tool: 'pg_dump' | 'pg_restore', ...args: string[]): void;
  /** A file for a dump. */
  file(name: string): string;
  stop(): Promise<void>;
}

/** A server of the installed version, for as long as the tests run. */
export async function startToolServer({ bin }: { bin: string }): Promise<ToolServer> {
  const user = findServerUser();
  const folder = mkdtempSync(path.join(tmpdir(), 'metavault-tools-'));
  const data = path.join(folder, 'data');
  mkdirSync(data, { mode: 0o700 });
  chmodSync(folder, 0o755);
  if (user !== undefined) chownSync(data, user.uid, user.gid);
  const call = (name: string, args: string[], as: ServerUser | undefined): void => {
    const { status, stderr } = spawnSync(path.join(bin, name), args, { ...as, cwd: '/', encoding: 'utf8' });
    if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`);
  };
  call('initdb', ['-D', data, '-U', 'postgres', '--auth=trust', '-E', 'UTF8', '--locale=C', '--no-sync'], user);
  const port = await freePort();
  const settings = ['-p', String(port), '-h', '127.0.0.1', '-k', '', '-F'];
  const server = spawn(path.join(bin, 'postgres'), ['-D', data, ...settings], { ...user, cwd: '/', stdio: 'ignore' });
  const url = (name: string): string => `postgres://postgres@127.0.0.1:${port}/${name}`;
  await untilReady(url('postgres'), server);
  let databaseCount = 0;
  return {
    empty: async () => {
      const name = `d${databaseCount++}`;
      const client = new pg.Client({ connectionString: url('postgres') });
      await client.connect();
      await client.query(`CREATE DATABASE ${name}`);
      await client.end();
      return url(name);
    },
    run: (tool, ...args) => call(tool, args, undefined),
    file: (name) => path.join(folder, name),
    stop: async () => {
      const ended = once(server, 'exit');
      if (server.exitCode === null && server.kill('SIGINT')) await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function untilReady(url: string, server: ChildProcess): Promise<void> {
  for (;;) {
    if (server.exitCode !== null) throw new Error(`postgres ended with ${server.exitCode}`);
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.end();
      return;
    } catch {
      await sleep(50);
    }
  }
}
