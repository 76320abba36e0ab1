// npm run bench:growth: what a year of leases costs. Days are scaled down: GROWTH_DAYS=365 GROWTH_ROWS=1000 (a day),
// AUDIT_RATE=5000 AUDIT_SECONDS=30 AUDIT_VERIFIED=100000, GROWTH_LEASES=20000 for their size;
// GROWTH_PARTS=bytes,days,audit. All of it takes a few minutes.
import pg from 'pg';
import { openCoreServices } from '../../dist/src/bootstrap/core-services.js';
import { loadConfig } from '../../dist/src/config/load-config.js';
import { startEmbeddedPostgres } from '../../dist/src/database/embedded-postgres.js';
import { SystemRandom } from '../../dist/src/platform/random.js';
import { fillQuarterHour, measureLinking, measureVerification, openAudit } from './growth-audit.mjs';
import { compareLooks, openVariant, simulateDay } from './growth-days.mjs';
import { ADMIN_KEY, benchEnvironment, callApi, startProcess, temporaryDirectory } from './harness.mjs';
import { seed } from './seed.mjs';

const number = (name, fallback) => Number(process.env[name] ?? fallback);
const DAYS = number('GROWTH_DAYS', 365);
const ROWS = number('GROWTH_ROWS', 1_000);
const LEASES = number('GROWTH_LEASES', 20_000);
const PARTS = (process.env.GROWTH_PARTS ?? 'bytes,days,audit').split(',');
const print = (text) => process.stdout.write(`${text}\n`);

const folder = temporaryDirectory();
const settings = { max_connections: '100', autovacuum: 'off' };
const postgres = await startEmbeddedPostgres({ directory: folder.directory, random: new SystemRandom(), settings });

async function createDatabase(name) {
  const admin = new pg.Client({ connectionString: postgres.url });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${name}`);
  await admin.end();
  return postgres.url.replace(/postgres$/, name);
}

/** Bytes of a lease with its entry and link, over all tables and indexes. */
async function measureBytes() {
  const url = await createDatabase('bytes');
  const environment = benchEnvironment(url);
  await seed(environment, 100);
  const service = await startProcess('service.mjs', environment);
  const policy = { name: 'bench', role: 'service', tenants: ['*'], products: ['pages'], lease_modes: ['gateway'] };
  const { api_key: key } = await callApi(service.url, 'POST', '/v1/clients', ADMIN_KEY, policy);
  const requests = Array.from({ length: 100 }, (_, n) => ({ tenant: `t${n}`, product: 'pages' }));
  for (let n = 0; n < LEASES; n += requests.length) {
    const { results } = await callApi(service.url, 'POST', '/v1/leases/batch', key, { requests });
    if (results.some(({ lease }) => lease === undefined)) throw new Error(JSON.stringify(results));
  }
  await service.stop();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('VACUUM');
  const { rows } = await client.query(`SELECT relname, pg_relation_size(oid) AS bytes FROM pg_class
    WHERE relkind IN ('r', 'i') AND relname ~ '^(lease|audit_entry|audit_link)(_|$)'`);
  const leases = Number((await client.query('SELECT count(*) FROM lease')).rows[0].count);
  await client.end();
  const sizes = new Map(rows.map(({ relname, bytes }) => [relname, Number(bytes) / leases]));
  for (const [name, bytes] of [...sizes].sort(([, a], [, b]) => b - a))
    if (bytes > 2) print(`  ${bytes.toFixed(0).padStart(5)} B  ${name}`);
  print(`${leases} leases, ${[...sizes.values()].reduce((a, b) => a + b, 0).toFixed(0)} bytes each`);
}

async function measureDays() {
  const variants = [
    await openVariant(postgres.url, 'partitioned', true),
    await openVariant(postgres.url, 'whole', false),
  ];
  const days = variants.map(() => []);
  for (let day = 0; day < DAYS; day++) {
    for (const [index, variant] of variants.entries()) days[index].push(await simulateDay(variant, day, ROWS));
  }
  print(`${DAYS} days of ${ROWS} leases, kept for 6; medians of the first and the last tenth of them`);
  const tenth = Math.max(1, Math.floor(DAYS / 10));
  // The first days have nothing to remove yet.
  const spans = [days.map((each) => each.slice(8, 8 + tenth)), days.map((each) => each.slice(-tenth))];
  const medianOf = (span, figure) =>
    span.map((each) => each[figure]).sort((a, b) => a - b)[Math.floor(span.length / 2)];
  for (const [index, { name }] of variants.entries()) {
    for (const figure of ['issue', 'look', 'retention', 'vacuum']) {
      const [first, last] = spans.map((span) => medianOf(span[index], figure));
      print(
        `  ${name.padEnd(12)} ${figure.padEnd(10)} ${first.toFixed(2)} → ${last.toFixed(2)} ms  ${(last / first).toFixed(2)}`,
      );
    }
  }
  const [partitioned, whole] = await compareLooks(variants, DAYS - 1, 20);
  print(
    `  look: ${partitioned.toFixed(3)} ms with partitions, ${whole.toFixed(3)} without: ${(partitioned / whole).toFixed(2)}`,
  );
  for (const { client } of variants) await client.end();
}

async function measureAudit() {
  const url = await createDatabase('audit');
  const coreServices = await openCoreServices({ config: loadConfig(benchEnvironment(url)), databaseUrl: url });
  const audit = openAudit(coreServices);
  await audit.write(1);
  await audit.chain.link({ lookBack: 'late', wait: true });
  const { perSecond, own, ofPostgres } = await measureVerification(audit, number('AUDIT_VERIFIED', 100_000), url);
  print(`verified ${perSecond.toFixed(0)} entries a second`);
  print(
    `  processor time of an entry: ${own.toFixed(1)} µs here, ${ofPostgres.toFixed(1)} µs of Postgres: ` +
      `${(1e6 / Math.max(own, ofPostgres)).toFixed(0)} entries a second where each has a processor`,
  );
  const rate = { perSecond: number('AUDIT_RATE', 5_000), seconds: number('AUDIT_SECONDS', 30) };
  await fillQuarterHour(url, coreServices.clock.now(), rate.perSecond);
  const { rate: reached, longest } = await measureLinking(audit, url, rate);
  print(`linking beside ${reached.toFixed(0)} entries a second stood still for at most ${longest.toFixed(0)} ms`);
  await coreServices.close();
}

try {
  if (PARTS.includes('bytes')) await measureBytes();
  if (PARTS.includes('audit')) await measureAudit();
  if (PARTS.includes('days')) await measureDays();
} finally {
  await postgres.stop();
  folder.remove();
}
