// npm run bench: what leases and Graph calls cost under load, and the least that they could cost
// (docs/benchmarks.md).
import { startEmbeddedPostgres } from '../../dist/src/database/embedded-postgres.js';
import { SystemRandom } from '../../dist/src/platform/random.js';
import {
  ADMIN_KEY,
  aims,
  benchEnvironment,
  callApi,
  postgresCpu,
  sideBySide,
  startBundle,
  startProcess,
  table,
  temporaryDirectory,
} from './harness.mjs';
import { seed } from './seed.mjs';

const CONNECTIONS = 1000;
/** Of one request to `POST /v1/leases/batch`, and how many connections send such requests. */
const BATCH = { size: 100, connections: 8 };

const folder = temporaryDirectory();
const running = [];
const start = async (starting) => {
  const process_ = await starting;
  running.push(process_);
  return process_;
};

const random = new SystemRandom();
const postgres = await startEmbeddedPostgres({ directory: folder.directory, random });
try {
  const upstream = await start(startProcess('bare-upstream.mjs'));
  const environment = { ...benchEnvironment(postgres.url), META_GRAPH_URL: upstream.url };
  await seed(environment, CONNECTIONS);
  const bare = await start(startProcess('bare-server.mjs', environment));
  const service = await start(startBundle(environment));
  const proxy = await start(startProcess('bare-proxy.mjs', { UPSTREAM: upstream.url }));

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
  const variants = [
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
    {
      name: `f  leases of POST /v1/leases/batch with ${BATCH.size}`,
      server: service,
      each: BATCH.size,
      request: {
        ...post(`${service.url}/v1/leases/batch`, [{ requests: tenants.slice(0, BATCH.size) }], bearer),
        connections: BATCH.connections,
      },
    },
  ];
  const results = await sideBySide(variants, await postgresCpu(postgres.url));
  const [a, b, c, d, e, f] = [...results.values()];
  process.stdout.write(`${table(results)}\n\n`);
  const figures = [
    ['b/a', b.perSecond / a.perSecond, '≥', 0.5],
    ['c/a', c.perSecond / a.perSecond, '≥', 0.55],
    ['d/e', d.perSecond / e.perSecond, '≥', 0.5],
    ['b, p99/p50', b.p99 / b.p50, '≤', 4],
    ['c, p99/p50', c.p99 / c.p50, '≤', 4],
    ['d, p99/p50', d.p99 / d.p50, '≤', 4],
    ['b, µs of the service', b.cpu, '≤', 300],
    ['f, leases/s', f.perSecond, '≥', 15_000],
    ['RSS MB', Math.max(...[b, c, d, f].map(({ rss }) => rss)), '≤', 220],
  ];
  process.stdout.write(`${aims(figures)}\n`);
} finally {
  for (const each of running.reverse()) await each.stop();
  await postgres.stop();
  folder.remove();
}
