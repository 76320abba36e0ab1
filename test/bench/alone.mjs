// npm run bench:alone: one request at a time, on a service that has just started and a database without statistics.
// Compares a lease with a bare INSERT and its commit, over a connection of its own and behind a route that does nothing
// else, and a Graph call with a bare proxy (docs/benchmarks.md).
import http from 'node:http';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../dist/src/database/embedded-postgres.js';
import { SystemRandom } from '../../dist/src/platform/random.js';
import {
  ADMIN_KEY,
  aims,
  align,
  benchEnvironment,
  callApi,
  postgresCpu,
  startBundle,
  startProcess,
  temporaryDirectory,
} from './harness.mjs';
import { seed } from './seed.mjs';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 10);
const CALLS = Number(process.env.BENCH_CALLS ?? 100);

const folder = temporaryDirectory();
const running = [];
const start = async (starting) => {
  const process_ = await starting;
  running.push(process_);
  return process_;
};

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

/** Sends one request on the one connection, and reads its response to the end. */
function send(url, { method = 'GET', headers, body }) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers, agent }, (response) => {
      response.resume();
      response.once('end', () =>
        response.statusCode < 300 ? resolve() : reject(new Error(`${method} ${url}: ${response.statusCode}`)),
      );
    });
    request.once('error', reject);
    request.end(body);
  });
}

/**
 * Milliseconds of each call, in turns of 100 so that a slow second hits all variants alike, after a round to warm up;
 * and microseconds of processor time per call, of the server and of Postgres.
 */
async function measure(variants, postgres) {
  const results = variants.map(() => ({ times: [], cpu: 0, postgres: 0 }));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [index, { call, cpu }] of variants.entries()) {
      const before = [cpu(), postgres()];
      const times = [];
      for (let n = 0; n < CALLS; n++) {
        const startedAt = performance.now();
        await call(n);
        times.push(performance.now() - startedAt);
      }
      if (round === 0) continue;
      const result = results[index];
      result.times.push(...times);
      result.cpu += (cpu() - before[0]) / (ROUNDS * CALLS);
      result.postgres += (postgres() - before[1]) / (ROUNDS * CALLS);
    }
  }
  for (const { times } of results) times.sort((x, y) => x - y);
  return results;
}

/** Of this process, in microseconds. */
function ownCpu() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

const at = (sorted, share) => sorted[Math.floor(sorted.length * share)];

const postgres = await startEmbeddedPostgres({ directory: folder.directory, random: new SystemRandom() });
const bare = new pg.Client({ connectionString: postgres.url });
try {
  const upstream = await start(startProcess('bare-upstream.mjs'));
  const environment = { ...benchEnvironment(postgres.url), META_GRAPH_URL: upstream.url };
  await seed(environment, 100, { analyzes: false });
  const service = await start(startBundle(environment));
  const server = await start(startProcess('bare-server.mjs', { DATABASE_URL: postgres.url }));
  const proxy = await start(startProcess('bare-proxy.mjs', { UPSTREAM: upstream.url }));
  await bare.connect();
  await bare.query('CREATE TABLE bench_row (id text PRIMARY KEY, body text NOT NULL, at timestamptz NOT NULL)');
  const insert = { name: 'bare', text: 'INSERT INTO bench_row VALUES ($1, $2, now())' };
  const { api_key: key } = await callApi(service.url, 'POST', '/v1/clients', ADMIN_KEY, {
    name: 'bench',
    role: 'service',
    tenants: ['*'],
    products: ['pages'],
    lease_modes: ['gateway', 'token'],
  });
  const lease = await callApi(service.url, 'POST', '/v1/leases', key, {
    tenant: 't0',
    product: 'pages',
    ttl_seconds: 3600,
  });
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const issue = (mode) => (n) =>
    send(`${service.url}/v1/leases`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ tenant: `t${n % 100}`, product: 'pages', mode }),
    });
  const graph = { headers: { authorization: `Bearer ${lease.access_token}` } };
  const text = 'x'.repeat(200);
  let rows = 0;
  const insertOverHttp = () =>
    send(`${server.url}/insert`, { method: 'POST', headers, body: JSON.stringify({ id: `row_${rows++}`, text }) });
  const variants = [
    {
      name: 'a  INSERT with commit',
      cpu: ownCpu,
      call: () => bare.query({ ...insert, values: [`row_${rows++}`, text] }),
    },
    { name: 'a2 the same, behind a bare Fastify route', cpu: server.cpu, call: insertOverHttp },
    { name: 'b  lease, token mode', cpu: service.cpu, call: issue('token') },
    { name: 'c  lease, gateway mode', cpu: service.cpu, call: issue('gateway') },
    { name: 'd  GET through a bare proxy', cpu: proxy.cpu, call: () => send(`${proxy.url}/v26.0/me`, graph) },
    { name: 'e  GET through the gateway', cpu: service.cpu, call: () => send(`${service.url}/graph/v26.0/me`, graph) },
  ];
  const results = await measure(variants, await postgresCpu(postgres.url));
  const lines = results.map(({ times, cpu, postgres: database }, index) => {
    const milliseconds = [0.5, 0.99].map((share) => at(times, share).toFixed(2));
    return [variants[index].name, ...milliseconds, cpu.toFixed(0), database.toFixed(0)];
  });
  process.stdout.write(`${align([['variant', 'p50 ms', 'p99 ms', 'CPU µs', 'Postgres µs'], ...lines])}\n\n`);
  const [a, a2, b, c, d, e] = results.map(({ times }) => at(times, 0.5));
  const figures = [
    ['a2/a', a2 / a],
    ['b/a', b / a, '≤', 1.3],
    ['c/a', c / a, '≤', 1.3],
    ['b/a2', b / a2],
    ['e-d ms', e - d, '≤', 0.6],
    ['RSS MB', service.rss(), '≤', 220],
  ];
  process.stdout.write(`${aims(figures)}\n`);
} finally {
  agent.destroy();
  await bare.end();
  for (const each of running.reverse()) await each.stop();
  await postgres.stop();
  folder.remove();
}
