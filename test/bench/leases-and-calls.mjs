// npm run bench: what a lease and a Graph call cost, beside the least that they could cost. See README, "Benchmarks".
import { startEmbeddedPostgres } from '../../dist/src/database/embedded-postgres.js';
import { SystemRandom } from '../../dist/src/platform/random.js';
import {
  ADMIN_KEY,
  benchEnvironment,
  callApi,
  sideBySide,
  startProcess,
  table,
  temporaryDirectory,
} from './harness.mjs';
import { seed } from './seed.mjs';

const CONNECTIONS = 1000;

const folder = temporaryDirectory();
const running = [];
const start = async (...args) => {
  const process_ = await startProcess(...args);
  running.push(process_);
  return process_;
};

const random = new SystemRandom();
const postgres = await startEmbeddedPostgres({ directory: folder.directory, random });
try {
  const upstream = await start('bare-upstream.mjs');
  const environment = { ...benchEnvironment(postgres.url), META_GRAPH_URL: upstream.url };
  await seed(environment, CONNECTIONS);
  const bare = await start('bare-server.mjs', environment);
  const service = await start('service.mjs', environment);
  const proxy = await start('bare-proxy.mjs', { UPSTREAM: upstream.url });

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

  const post = (url, bodies, headers = {}) => ({
    url,
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    requests: bodies.map((body) => ({ body: JSON.stringify(body) })),
  });
  const tenants = Array.from({ length: 200 }, (_, i) => ({ tenant: `t${i * 5}`, product: 'pages' }));
  const bearer = { authorization: `Bearer ${key}` };
  const leases = (mode) =>
    post(
      `${service.url}/v1/leases`,
      tenants.map((wanted) => ({ ...wanted, mode })),
      bearer,
    );
  const graph = { headers: { authorization: `Bearer ${lease.access_token}` } };
  const results = await sideBySide([
    {
      name: 'a  bare Fastify, one SELECT, one open',
      server: bare,
      request: post(
        bare.url,
        Array.from({ length: 200 }, (_, i) => ({ id: `crd_${i * 5}` })),
      ),
    },
    { name: 'b  POST /v1/leases, token mode', server: service, request: leases('token') },
    { name: 'c  POST /v1/leases, gateway mode', server: service, request: leases('gateway') },
    {
      name: 'd  GET through the gateway',
      server: service,
      request: { url: `${service.url}/graph/v26.0/me`, ...graph },
    },
    { name: 'e  GET through a bare undici proxy', server: proxy, request: { url: `${proxy.url}/v26.0/me`, ...graph } },
  ]);
  const [a, b, c, d, e] = [...results.values()];
  process.stdout.write(`${table(results)}\n\n`);
  process.stdout.write(`b/a ${(b.requestsPerSecond / a.requestsPerSecond).toFixed(2)}   `);
  process.stdout.write(`c/a ${(c.requestsPerSecond / a.requestsPerSecond).toFixed(2)}   `);
  process.stdout.write(`d/e ${(d.requestsPerSecond / e.requestsPerSecond).toFixed(2)}   `);
  process.stdout.write(
    `by processor time ${[a.cpu / b.cpu, a.cpu / c.cpu, e.cpu / d.cpu].map((r) => r.toFixed(2)).join('   ')}   `,
  );
  process.stdout.write(`gateway adds ${(d.p50 - e.p50).toFixed(2)} ms at p50\n`);
} finally {
  for (const each of running.reverse()) await each.stop();
  await postgres.stop();
  folder.remove();
}
