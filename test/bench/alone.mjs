// npm run bench:alone: one request at a time, on a service that has just started and a database without statistics.
// A lease beside a bare INSERT with its commit, a Graph call beside a bare proxy (docs/benchmarks.md).
import http from 'node:http';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../dist/src/database/embedded-postgres.js';
import { SystemRandom } from '../../dist/src/platform/random.js';
import { ADMIN_KEY, benchEnvironment, callApi, startProcess, temporaryDirectory } from './harness.mjs';
import { seed } from './seed.mjs';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 10);
const CALLS = Number(process.env.BENCH_CALLS ?? 100);

const folder = temporaryDirectory();
const running = [];
const start = async (...args) => {
  const process_ = await startProcess(...args);
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

/** Milliseconds of each call, in turns of 100 so that a slow second hits all alike; a round to warm up. */
async function measure(variants) {
  const times = variants.map(() => []);
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [index, { call }] of variants.entries()) {
      for (let n = 0; n < CALLS; n++) {
        const startedAt = performance.now();
        await call(n);
        if (round > 0) times[index].push(performance.now() - startedAt);
      }
    }
  }
  return times.map((each) => each.sort((a, b) => a - b));
}

const at = (sorted, share) => sorted[Math.floor(sorted.length * share)];

const postgres = await startEmbeddedPostgres({ directory: folder.directory, random: new SystemRandom() });
const bare = new pg.Client({ connectionString: postgres.url });
try {
  const upstream = await start('bare-upstream.mjs');
  const environment = { ...benchEnvironment(postgres.url), META_GRAPH_URL: upstream.url };
  await seed(environment, 100, { analyzes: false });
  const service = await start('service.mjs', environment);
  const proxy = await start('bare-proxy.mjs', { UPSTREAM: upstream.url });
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
  let rows = 0;
  const variants = [
    {
      name: 'a  INSERT with commit',
      call: () => bare.query({ ...insert, values: [`row_${rows++}`, 'x'.repeat(200)] }),
    },
    { name: 'b  lease, token mode', call: issue('token') },
    { name: 'c  lease, gateway mode', call: issue('gateway') },
    { name: 'd  GET through a bare proxy', call: () => send(`${proxy.url}/v26.0/me`, graph) },
    { name: 'e  GET through the gateway', call: () => send(`${service.url}/graph/v26.0/me`, graph) },
  ];
  const times = await measure(variants);
  for (const [index, { name }] of variants.entries()) {
    const [p50, p99] = [at(times[index], 0.5), at(times[index], 0.99)];
    process.stdout.write(`${name.padEnd(28)}  p50 ${p50.toFixed(2)} ms   p99 ${p99.toFixed(2)} ms\n`);
  }
  const [a, b, c, d, e] = times.map((each) => at(each, 0.5));
  process.stdout.write(`b/a ${(b / a).toFixed(2)}   c/a ${(c / a).toFixed(2)}   e-d ${(e - d).toFixed(2)} ms\n`);
} finally {
  agent.destroy();
  await bare.end();
  for (const each of running.reverse()) await each.stop();
  await postgres.stop();
  folder.remove();
}
