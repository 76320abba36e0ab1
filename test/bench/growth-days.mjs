import pg from 'pg';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../../dist/src/database/data-source-options.js';
import { selectActiveLeases, selectionAt } from '../../dist/src/leases/gateway-lease.query.js';
import { firstIdAt } from '../../dist/src/platform/ids.js';
import { ADMIN_KEY, benchEnvironment, callApi, startProcess } from './harness.mjs';
import { seed } from './seed.mjs';

const DAY_MS = 86_400_000;
/** The first simulated day: after the span for which the migrations made a single partition. */
const START = Math.floor(Date.now() / DAY_MS) * DAY_MS + 8 * DAY_MS;
/** Days that leases are kept, in partitions of a day. */
const KEPT = 6;
const TIMED = 50;
const FIRST_OF_PARTITIONS = 'LeasePartitions1764001270000';

/** As on connections for leases and Graph calls. */
const SESSION = `SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_bitmapscan = off;
  SET jit = off; SET synchronous_commit = off`;

/** Copies a real lease, and its entry, to ids of a day. */
const COPY_LEASES = `INSERT INTO lease SELECT (jsonb_populate_record(l, jsonb_build_object('id', $1::text || lpad(n::text, 16, '0'),
    'issued_at', $2::timestamptz, 'expires_at', $2::timestamptz + interval '1 hour'))).*
  FROM bench_lease l, generate_series($3::integer, $4::integer) n`;
const COPY_ENTRIES = `INSERT INTO audit_entry SELECT (jsonb_populate_record(e, jsonb_build_object('id', $1::text || lpad(n::text, 16, '0'),
    'at', $2::timestamptz))).* FROM bench_entry e, generate_series($3::integer, $4::integer) n`;

const median = (times) => times.sort((a, b) => a - b)[Math.floor(times.length / 2)];

async function timed(times, work) {
  const startedAt = performance.now();
  await work();
  times.push(performance.now() - startedAt);
}

/** A database with one lease to copy, either with partitions or as it was before them. */
export async function openVariant(postgresUrl, name, isPartitioned) {
  const url = postgresUrl.replace(/postgres$/, name);
  const admin = new pg.Client({ connectionString: postgresUrl });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${name}`);
  await admin.end();
  const environment = benchEnvironment(url);
  await seed(environment, 1, { analyzes: false });
  const service = await startProcess('service.mjs', environment);
  const policy = { name: 'bench', role: 'service', tenants: ['*'], products: ['pages'], lease_modes: ['gateway'] };
  const { api_key: key } = await callApi(service.url, 'POST', '/v1/clients', ADMIN_KEY, policy);
  await callApi(service.url, 'POST', '/v1/leases', key, { tenant: 't0', product: 'pages', ttl_seconds: 3600 });
  await service.stop();
  if (!isPartitioned) await undoPartitions(url);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`CREATE TABLE bench_lease AS SELECT * FROM lease;
    CREATE TABLE bench_entry AS SELECT * FROM audit_entry WHERE action = 'lease.issued' LIMIT 1`);
  await client.query(SESSION);
  return { name, client, isPartitioned, dead: 0 };
}

async function undoPartitions(url) {
  const dataSource = await new DataSource(dataSourceOptions(url, 2)).initialize();
  const isThere = async () =>
    (await dataSource.query('SELECT FROM schema_migration WHERE name = $1', [FIRST_OF_PARTITIONS])).length > 0;
  while (await isThere()) await dataSource.undoLastMigration();
  await dataSource.destroy();
}

/** A day: adds its rows, issues and reads single leases, removes what is past its retention, and vacuums. */
export async function simulateDay({ client, isPartitioned }, day, rows) {
  const at = new Date(START + day * DAY_MS + DAY_MS / 2);
  const next = new Date(START + (day + 1) * DAY_MS);
  if (isPartitioned) {
    const from = new Date(START + day * DAY_MS);
    await client.query('SELECT make_partition($1, $2, $3)', ['lease', from, next]);
    if (day % 30 === 0)
      await client.query('SELECT make_partition($1, $2, $3)', [
        'audit_entry',
        from,
        new Date(from.getTime() + 30 * DAY_MS),
      ]);
  }
  const copy = (text, prefix, from, to) =>
    client.query({ name: prefix, text, values: [firstIdAt(prefix, at), at, from, to] });
  await copy(COPY_LEASES, 'lse', 1, rows);
  await copy(COPY_ENTRIES, 'aud', 1, rows);
  const [issues, looks] = [[], []];
  for (let n = rows + 1; n <= rows + TIMED; n++) {
    await timed(issues, async () => {
      await copy(COPY_LEASES, 'lse', n, n);
      await copy(COPY_ENTRIES, 'aud', n, n);
    });
  }
  for (let n = 1; n <= TIMED; n++) await timed(looks, () => look(client, at, n));
  const expired = new Date(next.getTime() - KEPT * DAY_MS);
  const retentionMs = await retain(client, isPartitioned, expired);
  const startedAt = performance.now();
  await client.query('VACUUM lease');
  return { issue: median(issues), look: median(looks), retention: retentionMs, vacuum: performance.now() - startedAt };
}

/** Looks up the `n`th lease of an instant, as the gateway does. */
export async function look(client, at, n) {
  const id = `${firstIdAt('lse', at)}${String(n).padStart(16, '0')}`;
  const { rowCount } = await client.query(selectActiveLeases(selectionAt(at, [id])));
  if (rowCount !== 1) throw new Error(`lease ${id} is not active`);
}

async function retain(client, isPartitioned, expired) {
  const startedAt = performance.now();
  if (isPartitioned) await client.query('SELECT drop_lease_partition($1)', [expired]);
  else await client.query('DELETE FROM lease WHERE id < $1', [firstIdAt('lse', expired)]);
  return performance.now() - startedAt;
}

/** Times lookups in both variants, in turns so that a slow second hits both. */
export async function compareLooks(variants, day, rounds) {
  const at = new Date(START + day * DAY_MS + DAY_MS / 2);
  const times = variants.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, { client }] of variants.entries()) {
      for (let n = 1; n <= TIMED; n++) await timed(times[index], () => look(client, at, n));
    }
  }
  return times.map(median);
}
