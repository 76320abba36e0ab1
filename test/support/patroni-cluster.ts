import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { findServerUser } from '../../src/database/postgres-binaries.ts';
import { startDatabaseProxy } from './database-proxy.ts';
import { freePort } from './http-listener.ts';
import { databaseParentFolder } from './memory-folder.ts';
import { type CloseLater, openResources } from './open-resources.ts';
import { findPostgresTools } from './postgres-tools.ts';
import { until } from './until.ts';

/** The installed programs that a Patroni cluster needs, or why there are none. */
export type PatroniTools = { postgresBin: string } | { why: string };

export function findPatroniTools(): PatroniTools {
  const missing = ['patroni', 'etcd'].filter((name) => spawnSync(name, ['--version']).status !== 0);
  if (missing.length > 0) return { why: `${missing.join(', ')} not installed` };
  const tools = findPostgresTools();
  return 'why' in tools ? tools : { postgresBin: tools.bin };
}

/** Two servers under Patroni, on one etcd. */
export interface PatroniCluster {
  /** Always leads to the current leader. */
  url: string;
  /** SIGKILL to the leader: to Patroni and to its Postgres. */
  killLeader(): Promise<void>;
  /** Address of the leader's Postgres. */
  leaderUrl(): Promise<string>;
  close(): Promise<void>;
}

interface Node {
  databaseUrl: string;
  /** Whether its Patroni says that it is the leader. */
  isLeader(): Promise<boolean>;
  kill(): Promise<void>;
}

const START_MS = 60_000;
const WATCH_INTERVAL_MS = 100;

/** Two servers that replicate asynchronously, as Patroni does by default. */
export function startPatroniCluster({ postgresBin }: { postgresBin: string }): Promise<PatroniCluster> {
  return openResources(async (closeLater) => {
    const folder = mkdtempSync(path.join(databaseParentFolder(), 'metavault-patroni-'));
    closeLater({ close: () => rmSync(folder, { recursive: true, force: true }) });
    chmodSync(folder, 0o755);
    const etcd = await startEtcd(folder, closeLater);
    const nodes: Node[] = [];
    for (const name of ['one', 'two']) nodes.push(await startNode({ name, folder, etcd, postgresBin }, closeLater));
    const leader = (): Promise<Node | undefined> => findLeader(nodes);
    const first = await until(leader, (node) => node !== undefined, START_MS);
    await until(() => hasStandby(nodes), Boolean, START_MS);
    const address = await startDatabaseProxy(first?.databaseUrl ?? '');
    closeLater(address);
    let led = first;
    // As HAProxy does with `option httpchk GET /primary` and `on-marked-down shutdown-sessions`.
    const watch = setInterval(async () => {
      const now = await leader();
      if (now === led) return;
      led = now;
      address.cut();
      if (now === undefined) return;
      address.leadTo(now.databaseUrl);
      address.restore();
    }, WATCH_INTERVAL_MS);
    closeLater({ close: () => clearInterval(watch) });
    return {
      url: address.url,
      leaderUrl: async () => (await until(leader, (node) => node !== undefined, START_MS))?.databaseUrl ?? '',
      killLeader: async () => (await leader())?.kill(),
    };
  });
}

async function findLeader(nodes: readonly Node[]): Promise<Node | undefined> {
  const answers = await Promise.all(nodes.map(async (node) => ((await node.isLeader()) ? node : undefined)));
  return answers.find((node) => node !== undefined);
}

async function hasStandby(nodes: readonly Node[]): Promise<boolean> {
  const client = new pg.Client({ connectionString: (await findLeader(nodes))?.databaseUrl });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query(`SELECT FROM pg_stat_replication WHERE state = 'streaming'`);
    return rows.length > 0;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function startEtcd(folder: string, closeLater: CloseLater): Promise<string> {
  const [client, peer] = [await freePort(), await freePort()];
  const urls = [
    '--listen-client-urls',
    `http://127.0.0.1:${client}`,
    '--advertise-client-urls',
    `http://127.0.0.1:${client}`,
  ];
  const peers = [
    '--listen-peer-urls',
    `http://127.0.0.1:${peer}`,
    '--initial-advertise-peer-urls',
    `http://127.0.0.1:${peer}`,
  ];
  const cluster = ['--initial-cluster', `default=http://127.0.0.1:${peer}`, '--unsafe-no-fsync'];
  const etcd = spawn('etcd', ['--data-dir', path.join(folder, 'etcd'), ...urls, ...peers, ...cluster], {
    stdio: 'ignore',
  });
  closeLater({ close: () => endProcess(etcd, 'SIGTERM') });
  await until(() => answers(`http://127.0.0.1:${client}/health`), Boolean, START_MS);
  return `127.0.0.1:${client}`;
}

async function startNode(
  of: { name: string; folder: string; etcd: string; postgresBin: string },
  closeLater: CloseLater,
): Promise<Node> {
  const user = findServerUser();
  const home = path.join(of.folder, of.name);
  mkdirSync(home, { mode: 0o755 });
  if (user !== undefined) chownSync(home, user.uid, user.gid);
  const [rest, port] = [await freePort(), await freePort()];
  const settings = path.join(home, 'patroni.json');
  // YAML reads JSON.
  writeFileSync(settings, JSON.stringify(patroniSettings({ ...of, home, rest, port })));
  const log = path.join(of.folder, `${of.name}.log`);
  const output = openSync(log, 'a');
  const patroni = spawn('patroni', [settings], { ...user, cwd: '/', stdio: ['ignore', output, output] });
  closeLater({ close: () => endProcess(patroni, 'SIGTERM') });
  const kill = async (): Promise<void> => {
    const pidFile = path.join(home, 'data', 'postmaster.pid');
    await endProcess(patroni, 'SIGKILL');
    if (existsSync(pidFile)) process.kill(Number(readFileSync(pidFile, 'utf8').split('\n')[0]), 'SIGKILL');
  };
  await until(
    () => {
      if (patroni.exitCode !== null) throw new Error(`patroni ended: ${readFileSync(log, 'utf8').slice(-2_000)}`);
      return answers(`http://127.0.0.1:${rest}/health`);
    },
    Boolean,
    START_MS,
  );
  return {
    databaseUrl: `postgres://postgres@127.0.0.1:${port}/postgres`,
    isLeader: () => answers(`http://127.0.0.1:${rest}/primary`),
    kill,
  };
}

interface NodeSettings {
  name: string;
  home: string;
  etcd: string;
  postgresBin: string;
  rest: number;
  port: number;
}

/** Fails over as fast as Patroni allows. */
function patroniSettings({ name, home, etcd, postgresBin, rest, port }: NodeSettings): object {
  return {
    scope: 'metavault',
    name,
    restapi: { listen: `127.0.0.1:${rest}`, connect_address: `127.0.0.1:${rest}` },
    etcd3: { host: etcd },
    bootstrap: {
      dcs: { ttl: 10, loop_wait: 1, retry_timeout: 3, postgresql: { parameters: { max_connections: 200 } } },
      initdb: [{ encoding: 'UTF8' }, { locale: 'C' }, 'no-sync'],
    },
    postgresql: {
      listen: `127.0.0.1:${port}`,
      connect_address: `127.0.0.1:${port}`,
      data_dir: path.join(home, 'data'),
      bin_dir: postgresBin,
      pgpass: path.join(home, 'pgpass'),
      pg_hba: ['host all all 127.0.0.1/32 trust', 'host replication all 127.0.0.1/32 trust'],
      parameters: { unix_socket_directories: home },
      authentication: { superuser: { username: 'postgres' }, replication: { username: 'replicator' } },
    },
  };
}

async function answers(url: string): Promise<boolean> {
  return fetch(url, { signal: AbortSignal.timeout(1_000) }).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function endProcess(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
}
