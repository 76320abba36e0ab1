import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const BUNDLE = path.join(HERE, '../../dist/bundle/main.js');
/** The unit of Linux's processor times. */
const TICK_US = 10_000;

/** The key of the admin of every benchmark. */
export const ADMIN_KEY = 'bench-bootstrap-admin-key-0123456789abcdef';

/** What a replica needs for a benchmark: Meta addresses where nothing listens, no scheduled sweep. */
export function benchEnvironment(databaseUrl) {
  return {
    DATABASE_URL: databaseUrl,
    PORT: '0',
    PUBLIC_URL: 'http://bench.localhost',
    LOG_LEVEL: 'warn',
    ROOT_KEY: Buffer.alloc(32, 7).toString('base64'),
    BOOTSTRAP_ADMIN_KEY: ADMIN_KEY,
    META_APP_ID: '1000000000000001',
    META_APP_SECRET: '0123456789abcdef0123456789abcdef',
    REFRESH_CRON: 'off',
    HEALTH_CRON: 'off',
  };
}

/** Sends JSON to the API of a replica. Returns the response, or throws it if the status is not a success. */
export async function callApi(base, method, path, key, body) {
  const response = await fetch(base + path, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const json = await response.json();
  if (!response.ok) throw new Error(`${method} ${path}: ${JSON.stringify(json)}`);
  return json;
}

/** Settings of every benchmark, from the environment: length of a run, connections of the load, rounds. */
const SETTINGS = {
  seconds: Number(process.env.BENCH_SECONDS ?? 5),
  connections: Number(process.env.BENCH_CONNECTIONS ?? 32),
  rounds: Number(process.env.BENCH_ROUNDS ?? 3),
};

/** A folder that is gone when the benchmark ends. */
export function temporaryDirectory() {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'metavault-bench-'));
  fs.chmodSync(directory, 0o755);
  return { directory, remove: () => fs.rmSync(directory, { recursive: true, force: true }) };
}

/** Starts a program of this folder as a process of its own and waits until it prints the line `{"url": …}`. */
export async function startProcess(script, environment = {}) {
  const child = spawn(process.execPath, [path.join(HERE, script)], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`${script} ended with ${code}`)));
    readline.createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith('{"url"')) resolve(JSON.parse(line).url);
    });
  });
  return describeProcess(child, url);
}

/**
 * Starts a replica as it is shipped, `dist/bundle/main.js`, and waits until it is ready. BENCH_NODE_OPTIONS: for its
 * node, such as `--cpu-prof`.
 */
export async function startBundle(environment) {
  const port = await findFreePort();
  const options = (process.env.BENCH_NODE_OPTIONS ?? '').split(' ').filter((option) => option !== '');
  const child = spawn(process.execPath, [...options, BUNDLE], {
    env: { PATH: process.env.PATH, ...environment, PORT: String(port) },
    stdio: 'inherit',
  });
  let hasEnded = false;
  child.once('exit', () => {
    hasEnded = true;
  });
  const url = `http://127.0.0.1:${port}`;
  while (!(await isReady(url))) {
    if (hasEnded) throw new Error('the service ended');
    await sleep(50);
  }
  return describeProcess(child, url);
}

async function isReady(url) {
  return fetch(`${url}/health/ready`).then(
    ({ ok }) => ok,
    () => false,
  );
}

function findFreePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function describeProcess(child, url) {
  return {
    url,
    pid: child.pid,
    /** Resident memory in MB. */
    rss: () =>
      Math.round(Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024),
    /** Microseconds of processor time so far, of all threads (Linux counts them in hundredths of a second). */
    cpu: () => readProcess(child.pid).cpu,
    stop: () =>
      new Promise((resolve) => {
        child.once('exit', resolve);
        child.kill('SIGTERM');
      }),
  };
}

/** A process: its parent, and the microseconds of processor time that it and its ended children took. */
function readProcess(pid) {
  const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
  const [, parent, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user, system, endedUser, endedSystem] = fields.slice(9, 13).map(Number);
  return { parent: Number(parent), cpu: (user + system) * TICK_US, ended: (endedUser + endedSystem) * TICK_US };
}

/**
 * Returns a function that returns the processor time of a Postgres on this machine, with all its processes, in µs.
 */
export async function postgresCpu(databaseUrl) {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
  const { parent: postmaster } = readProcess(rows[0].pid);
  await client.end();
  return () => {
    const { cpu, ended } = readProcess(postmaster);
    const children = fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    return children.reduce((sum, pid) => sum + cpuIfChildOf(postmaster, pid), cpu + ended);
  };
}

function cpuIfChildOf(postmaster, pid) {
  try {
    const { parent, cpu } = readProcess(pid);
    return parent === postmaster ? cpu : 0;
  } catch {
    // It has ended.
    return 0;
  }
}

/** Loads one address from a second process. Returns `{requests, requestsPerSecond, p50, p99, bytesPerSecond}` (ms). */
export function load(request) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path.join(HERE, 'load-process.mjs')], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let out = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.once('exit', (code) =>
      code === 0 ? resolve(JSON.parse(out)) : reject(new Error(`the load ended with ${code}: ${out}`)),
    );
    child.stdin.end(JSON.stringify({ duration: SETTINGS.seconds, connections: SETTINGS.connections, ...request }));
  });
}

/**
 * Runs the variants one after another, `rounds` times, so that a slow minute of the machine hits all alike, after a
 * warm-up round that does not count. `each`: how many things a request asks for, 1 by default. Returns, for each
 * variant, the median round by requests per second, the least processor time per thing (the figure that other load on
 * the machine changes least), the same for Postgres if `postgres` measures it (`postgresCpu`), and the most memory
 * after a round.
 */
export async function sideBySide(variants, postgres = () => Number.NaN) {
  const runs = new Map(variants.map((variant) => [variant.name, []]));
  for (let round = 0; round <= SETTINGS.rounds; round++) {
    for (const variant of variants) {
      const result = await loadAndMeasure(variant, round === 0 ? { duration: 2 } : {}, postgres);
      if (round > 0) runs.get(variant.name).push(result);
    }
  }
  return new Map([...runs].map(([name, results]) => [name, summarize(results)]));
}

async function loadAndMeasure({ server, request, each = 1 }, limits, postgres) {
  const before = [server.cpu(), postgres()];
  const result = await load({ ...request, ...limits });
  const count = result.requests * each;
  const [cpu, postgresCpu] = [server.cpu(), postgres()].map((after, index) => (after - before[index]) / count);
  return { ...result, perSecond: result.requestsPerSecond * each, cpu, postgresCpu, rss: server.rss() };
}

function summarize(results) {
  const sorted = results.sort((a, b) => a.requestsPerSecond - b.requestsPerSecond);
  const [cpu, postgresCpu] = ['cpu', 'postgresCpu'].map((key) => Math.min(...results.map((result) => result[key])));
  return {
    ...sorted[Math.floor(sorted.length / 2)],
    cpu,
    postgresCpu,
    rss: Math.max(...results.map(({ rss }) => rss)),
  };
}

export function table(results) {
  const rows = [['variant', 'per second', 'p50 ms', 'p99 ms', 'CPU µs', 'Postgres µs', 'RSS MB']];
  for (const [name, { perSecond, p50, p99, cpu, postgresCpu, rss }] of results) {
    const numbers = [perSecond.toFixed(0), p50.toFixed(2), p99.toFixed(2), cpu.toFixed(0)];
    rows.push([name, ...numbers, Number.isNaN(postgresCpu) ? '' : postgresCpu.toFixed(0), String(rss)]);
  }
  return align(rows);
}

/** A table of figures and their aims: `[name, value, '≥' or '≤', aim]`, or `[name, value]` without an aim. */
export function aims(figures) {
  const rows = figures.map(([name, value, sign, aim]) => {
    const cells = [name, value >= 100 ? value.toFixed(0) : value.toFixed(2)];
    if (aim === undefined) return [...cells, '', ''];
    const isMet = sign === '≥' ? value >= aim : value <= aim;
    return [...cells, `${sign} ${aim}`, isMet ? 'met' : 'missed'];
  });
  return align([['figure', 'measured', 'aim', ''], ...rows]);
}

/** Aligns the first column to the left and the others to the right. */
export function align(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows
    .map((row) => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '))
    .join('\n');
}
