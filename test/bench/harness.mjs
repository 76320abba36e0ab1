import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';

const HERE = path.dirname(fileURLToPath(import.meta.url));

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

/** Sends JSON to the API of a replica; its response. Throws with the response where the status is no success. */
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

/** Starts a program of this folder as a process of its own and waits until it says `{"url": …}` on a line. */
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
  return {
    url,
    pid: child.pid,
    /** Resident memory in MB. */
    rss: () =>
      Math.round(Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024),
    /** Microseconds of processor time so far, of all threads (Linux counts them in hundredths of a second). */
    cpu: () => {
      const stat = fs.readFileSync(`/proc/${child.pid}/stat`, 'utf8');
      const [user, system] = stat
        .slice(stat.lastIndexOf(')') + 2)
        .split(' ')
        .slice(11, 13);
      return (Number(user) + Number(system)) * 10_000;
    },
    stop: () =>
      new Promise((resolve) => {
        child.once('exit', resolve);
        child.kill('SIGTERM');
      }),
  };
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
 * Runs the variants one after another, `rounds` times, so that a slow minute of the machine hits all alike; the first,
 * warm-up round is not counted. Returns each variant's median by requests per second, and its least processor time per
 * request, the figure that other load on the machine changes least.
 */
export async function sideBySide(variants) {
  const runs = new Map(variants.map((variant) => [variant.name, []]));
  for (let round = 0; round <= SETTINGS.rounds; round++) {
    for (const variant of variants) {
      const before = variant.server.cpu();
      const result = await load({ ...variant.request, ...(round === 0 ? { duration: 2 } : {}) });
      const cpu = (variant.server.cpu() - before) / result.requests;
      if (round > 0) runs.get(variant.name).push({ ...result, cpu, rss: variant.server.rss() });
    }
  }
  return new Map(
    [...runs].map(([name, results]) => {
      const sorted = results.sort((a, b) => a.requestsPerSecond - b.requestsPerSecond);
      return [name, { ...sorted[Math.floor(sorted.length / 2)], cpu: Math.min(...results.map(({ cpu }) => cpu)) }];
    }),
  );
}

export function table(results) {
  const rows = [['variant', 'requests/s', 'p50 ms', 'p99 ms', 'CPU µs', 'RSS MB']];
  for (const [name, r] of results) {
    const { requestsPerSecond, p50, p99, cpu, rss } = r;
    rows.push([name, requestsPerSecond.toFixed(0), p50.toFixed(2), p99.toFixed(2), cpu.toFixed(0), String(rss)]);
  }
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows
    .map((row) => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '))
    .join('\n');
}
