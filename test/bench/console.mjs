// npm run bench:console: how long the overview, and pages and searches of connections, take among a million of them.
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../dist/src/database/embedded-postgres.js';
import { SystemRandom } from '../../dist/src/platform/random.js';
import { ADMIN_KEY, benchEnvironment, callApi, startProcess, temporaryDirectory } from './harness.mjs';
import { seed } from './seed.mjs';

const CONNECTIONS = Number(process.env.BENCH_CONNECTIONS_SEEDED ?? 1_000_000);
const TENANTS = CONNECTIONS / 10;
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 100);
const BATCH = 50_000;

/** Copies of one real connection with its token and a Page, in every state; `$1`: first, `$2`: last number. */
const COPIES = [
  `INSERT INTO connection SELECT r.* FROM (SELECT * FROM connection LIMIT 1) c, generate_series($1::int, $2::int) n,
    LATERAL jsonb_populate_record(c::connection, jsonb_build_object('id', 'con_0' || lpad(n::text, 25, '0'),
      'tenant', 'tenant-' || n % ${TENANTS}, 'meta_user_id', 'user' || n, 'reference', 'order ' || n,
      'product', (ARRAY['pages', 'ads', 'whatsapp', 'instagram'])[1 + n % 4],
      'status', CASE WHEN n % 50 = 0 THEN 'reauth_required' ELSE 'active' END,
      'status_reason', CASE WHEN n % 50 = 0 THEN '{"code":"expired"}'::jsonb END)) r`,
  `INSERT INTO credential SELECT r.* FROM (SELECT * FROM credential WHERE is_root LIMIT 1) k, generate_series($1::int, $2::int) n,
    LATERAL jsonb_populate_record(k::credential, jsonb_build_object('id', 'crd_0' || lpad(n::text, 25, '0'),
      'connection_id', 'con_0' || lpad(n::text, 25, '0'), 'tenant', 'tenant-' || n % ${TENANTS},
      'health', (ARRAY['healthy', 'healthy', 'healthy', 'expiring', 'unknown'])[1 + n % 5], 'token_hash', NULL,
      'expires_at', now() + n % 60 * interval '1 day')) r`,
  `INSERT INTO asset (connection_id, type, id, name, credential_id)
    SELECT 'con_0' || lpad(n::text, 25, '0'), 'page', 'page' || n, 'Shop ' || n, 'crd_0' || lpad(n::text, 25, '0')
    FROM generate_series($1::int, $2::int) n`,
];

async function seedCopies(databaseUrl) {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  for (let first = 1; first <= CONNECTIONS; first += BATCH)
    for (const text of COPIES) await client.query(text, [first, Math.min(first + BATCH - 1, CONNECTIONS)]);
  for (const table of ['connection', 'credential', 'asset']) await client.query(`VACUUM ANALYZE ${table}`);
  await client.end();
}

/** Milliseconds that requests take: percentiles and the maximum. */
async function measure(base, path) {
  const times = [];
  for (let round = 0; round < ROUNDS; round++) {
    const startedAt = performance.now();
    await callApi(base, 'GET', path(round), ADMIN_KEY);
    times.push(performance.now() - startedAt);
  }
  const sorted = times.sort((a, b) => a - b);
  return { p50: sorted[Math.floor(ROUNDS / 2)], p95: sorted[Math.floor(ROUNDS * 0.95)], max: sorted.at(-1) };
}

const middle = Buffer.from(`con_0${String(CONNECTIONS / 2).padStart(25, '0')}`).toString('base64url');
const any = (round) => 1 + ((round * 7_919) % CONNECTIONS);
const PAGES = {
  'the overview': () => '/v1/overview',
  'the first page of connections': () => '/v1/connections',
  'a page in the middle': () => `/v1/connections?cursor=${middle}`,
  'a page that needs a login': () => `/v1/connections?status=reauth_required&cursor=${middle}`,
  'a page of a reason': () => `/v1/connections?reason=expired&cursor=${middle}`,
  'a page of a health': () => `/v1/connections?health=expiring&cursor=${middle}`,
  'what expires within a day': () =>
    `/v1/connections?expires_before=${new Date(Date.now() + 86_400_000).toISOString()}`,
  'a search for a reference': (round) => `/v1/connections?q=order%20${any(round)}`,
  'a search for a name': (round) => `/v1/connections?q=shop%20${any(round)}`,
  'a search for a tenant': (round) => `/v1/connections?q=tenant-${any(round) % TENANTS}`,
  'a search that all tenants match': () => `/v1/connections?q=tenant&cursor=${middle}`,
  'a search that finds nothing': (round) => `/v1/connections?q=nothing${round}`,
};

const folder = temporaryDirectory();
const postgres = await startEmbeddedPostgres({ directory: folder.directory, random: new SystemRandom() });
let service;
try {
  const environment = benchEnvironment(postgres.url);
  await seed(environment, 1);
  // Starts before the copies are made: a replica does not start on rows that the audit record does not cover.
  service = await startProcess('service.mjs', environment);
  await seedCopies(postgres.url);
  const startedAt = performance.now();
  const total = async () => (await callApi(service.url, 'GET', '/v1/overview', ADMIN_KEY)).connections.total;
  while ((await total()) < CONNECTIONS) await sleep(20);
  process.stdout.write(`a count of ${CONNECTIONS} connections: ${Math.round(performance.now() - startedAt)} ms\n`);
  for (const [name, path] of Object.entries(PAGES)) {
    const { p50, p95, max } = await measure(service.url, path);
    process.stdout.write(
      `${name.padEnd(34)} p50 ${p50.toFixed(0)} ms, p95 ${p95.toFixed(0)} ms, max ${max.toFixed(0)} ms\n`,
    );
  }
} finally {
  await service?.stop();
  await postgres.stop();
  folder.remove();
}
