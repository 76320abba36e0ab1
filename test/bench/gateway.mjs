// npm run bench:gateway: a Graph call through the gateway and through a bare streaming proxy (docs/benchmarks.md).
import { startEmbeddedPostgres } from '../../dist/src/database/embedded-postgres.js';
import { SystemRandom } from '../../dist/src/platform/random.js';
import {
  ADMIN_KEY,
  benchEnvironment,
  callApi,
  load,
  sideBySide,
  startBundle,
  startProcess,
  table,
  temporaryDirectory,
} from './harness.mjs';
import { seed } from './seed.mjs';

/** The token of the first seeded connection: the upstream puts it into its paging links. */
const TOKEN = `EAA${'0'.padStart(247, 'x')}`;
const UPLOAD_BYTES = 20 * 1024 * 1024;

const folder = temporaryDirectory();
const running = [];
const start = async (starting) => {
  const process_ = await starting;
  running.push(process_);
  return process_;
};

/** A form with one field and one file of 20 MiB, which the load process makes itself: pipes are too slow for it. */
const upload = {
  method: 'POST',
  headers: { 'content-type': 'multipart/form-data; boundary=bench-boundary' },
  multipart: { boundary: 'bench-boundary', bytes: UPLOAD_BYTES },
};

const random = new SystemRandom();
const postgres = await startEmbeddedPostgres({ directory: folder.directory, random });
try {
  const upstream = await start(startProcess('gateway-upstream.mjs', { BENCH_TOKEN: TOKEN }));
  const environment = { ...benchEnvironment(postgres.url), META_GRAPH_URL: upstream.url };
  await seed(environment, 10);
  const service = await start(startBundle(environment));
  const proxy = await start(startProcess('bare-proxy.mjs', { UPSTREAM: upstream.url }));
  const { api_key: key } = await callApi(service.url, 'POST', '/v1/clients', ADMIN_KEY, {
    name: 'bench',
    role: 'service',
    tenants: ['*'],
    products: ['pages'],
    max_ttl_seconds: 3600,
  });
  const lease = await callApi(service.url, 'POST', '/v1/leases', key, {
    tenant: 't0',
    product: 'pages',
    ttl_seconds: 3600,
  });
  const authorization = { authorization: `Bearer ${lease.access_token}` };
  const both = (name, path, request = {}) => [
    {
      name: `${name}, gateway`,
      server: service,
      request: {
        ...request,
        url: `${service.url}/graph/v26.0${path}`,
        headers: { ...request.headers, ...authorization },
      },
    },
    { name: `${name}, bare proxy`, server: proxy, request: { ...request, url: `${proxy.url}/v26.0${path}` } },
  ];
  const results = await sideBySide([
    ...both('small GET', '/me?fields=id,name'),
    ...both('1 MiB of JSON with 200 links', '/me/large', { connections: 8 }),
    ...both('20 MiB upload', '/me/photos', { ...upload, connections: 8 }),
  ]);
  process.stdout.write(`${table(results)}\n\n`);
  const measured = [...results.entries()];
  for (let index = 0; index < measured.length; index += 2) {
    const [name, gateway] = measured[index];
    const [, bare] = measured[index + 1];
    const ratio = (gateway.requestsPerSecond / bare.requestsPerSecond).toFixed(2);
    const added = (gateway.p50 - bare.p50).toFixed(2);
    const cpu = (bare.cpu / gateway.cpu).toFixed(2);
    const label = name.replace(', gateway', '');
    process.stdout.write(`${label}: ${ratio} of the proxy (${cpu} by processor time), adds ${added} ms at p50\n`);
  }
  for (const connections of [1, 200]) {
    const [{ request }] = both('', '/me/photos', upload);
    await load({ ...request, connections, duration: undefined, amount: 200, timeout: 120 });
    process.stdout.write(`RSS after ${connections} upload(s) of 20 MiB at once: ${service.rss()} MB\n`);
  }
} finally {
  for (const each of running.reverse()) await each.stop();
  await postgres.stop();
  folder.remove();
}
