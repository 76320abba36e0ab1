// Refreshes and health checks per second, statements per refresh, memory, and the time of the due query.
//   SWEEP_DUE=10000,100000 SWEEP_LATENCY_MS=0,200 SWEEP_REPLICAS=1,3 SWEEP_DUE_QUERY_ROWS=1000000 npm run bench:sweep
// SWEEP_TOP=20 also lists the statements that took Postgres the most time.
import crypto from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { openCoreServices } from '../../dist/src/bootstrap/core-services.js';
import { loadConfig } from '../../dist/src/config/load-config.js';
import { DUE_REFRESHES } from '../../dist/src/connections/credentials/due-credential.repository.js';
import { startEmbeddedPostgres } from '../../dist/src/database/embedded-postgres.js';
import { SystemRandom } from '../../dist/src/platform/random.js';
import { startSandbox } from '../../dist/src/sandbox/sandbox.js';
import { ADMIN_KEY, benchEnvironment, postgresCpu, startBundle, temporaryDirectory } from './harness.mjs';
import { startLeanMeta } from './lean-meta.mjs';
import { seedDue } from './seed-due.mjs';

const list = (name, fallback) => (process.env[name] ?? fallback).split(',').map(Number);
const DUE = list('SWEEP_DUE', '10000,100000');
const LATENCIES = list('SWEEP_LATENCY_MS', '0,200');
const REPLICAS = list('SWEEP_REPLICAS', '1,3');
const DUE_QUERY_ROWS = list('SWEEP_DUE_QUERY_ROWS', '10000,100000,1000000');
/** Slow runs are stopped after this, because only the rate counts. */
const MAX_SECONDS = Number(process.env.SWEEP_MOST_SECONDS ?? 60);
const CONCURRENCY = 64;
const TOP = Number(process.env.SWEEP_TOP ?? 0);
/** For the due query. */
const TENANTS = Number(process.env.SWEEP_TENANTS ?? 1_000);

const random = new SystemRandom();
const folder = temporaryDirectory();
const postgres = await startEmbeddedPostgres({
  directory: folder.directory,
  random,
  settings: {
    max_connections: '200',
    shared_preload_libraries: 'pg_stat_statements',
    'pg_stat_statements.track': 'all',
    ...(TOP > 0 ? { 'pg_stat_statements.track_planning': 'on' } : {}),
  },
}).catch(() => startEmbeddedPostgres({ directory: folder.directory, random, settings: { max_connections: '200' } }));

function environmentOf(sandbox, databaseUrl) {
  return { ...benchEnvironment(databaseUrl), ...sandbox.environment(), NODE_ENV: 'test', LOG_LEVEL: 'fatal' };
}

async function freshDatabase(coreServices) {
  const name = `bench_${crypto.randomBytes(4).toString('hex')}`;
  await coreServices.run({ text: `CREATE DATABASE ${name}` });
  return postgres.url.replace(/postgres$/, name);
}

const sweepAt = (replica, kind) =>
  fetch(`${replica.url}/v1/maintenance/${kind}-sweep`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_KEY}` },
  })
    .then((response) => response.json())
    .catch(() => null);

/** Runs one sweep on all replicas at once. Returns the rate, processor times, and memory. */
async function measure(database, replicas, kind, doneSql) {
  const count = async () => Number((await database.rows({ text: doneSql }))[0].count);
  const statementsBefore = await statements(database);
  const cpuOf = await postgresCpu(postgres.url);
  const cpu = () => ({
    service: replicas.reduce((sum, replica) => sum + replica.cpu(), 0),
    postgres: cpuOf(),
    // The stand-in for Meta runs in this process.
    meta: process.cpuUsage().user + process.cpuUsage().system,
  });
  const [startedAt, cpuBefore] = [performance.now(), cpu()];
  const before = await count();
  const rss = [Math.max(...replicas.map((replica) => replica.rss()))];
  let isDone = false;
  const sweeps = Promise.all(replicas.map((replica) => sweepAt(replica, kind))).then(() => {
    isDone = true;
  });
  while (!isDone && performance.now() - startedAt < MAX_SECONDS * 1000) {
    await Promise.race([sweeps, sleep(2_000)]);
    rss.push(Math.max(...replicas.map((replica) => replica.rss())));
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const cpuAfter = cpu();
  const done = (await count()) - before;
  const statementsAfter = await statements(database);
  const each = statementsBefore === null || done === 0 ? null : (statementsAfter - statementsBefore) / done;
  const cpuEach = (of) => (done === 0 ? '' : ((cpuAfter[of] - cpuBefore[of]) / done).toFixed(0));
  return {
    done,
    perSecond: done / seconds,
    cpuEach: ['service', 'postgres', 'meta'].map(cpuEach),
    rssFrom: rss[1] ?? rss[0],
    rssMost: Math.max(...rss),
    rssTo: rss.at(-1),
    statements: each,
  };
}

async function statements(database) {
  try {
    const [row] = await database.rows({ text: 'SELECT sum(calls) AS calls FROM pg_stat_statements WHERE toplevel' });
    return Number(row.calls);
  } catch {
    return null;
  }
}

/** Calls, milliseconds of execution and planning, and the text of the statements that took the most time. */
async function printTop(database) {
  const top = await database.rows({
    text: `SELECT calls, total_exec_time AS ms, total_plan_time AS plan_ms, left(regexp_replace(query, '\\s+', ' ', 'g'), 110) AS query
      FROM pg_stat_statements WHERE toplevel ORDER BY total_exec_time + total_plan_time DESC LIMIT $1`,
    values: [TOP],
  });
  for (const { calls, ms, plan_ms: planMs, query } of top)
    process.stdout.write(`    ${calls} calls, ${ms.toFixed(0)} + ${planMs.toFixed(0)} ms: ${query}\n`);
}

async function run(admin, due, latencyMs, replicaCount) {
  const sandbox = await startSandbox({ now: () => Date.now(), randomBytes: (size) => random.bytes(size) });
  const url = await freshDatabase(admin.database);
  const tokens = new Map();
  const meta = await startLeanMeta(sandbox.app.id, tokens);
  const environment = { ...environmentOf(sandbox, url), META_GRAPH_URL: meta.url };
  const coreServices = await openCoreServices({ config: loadConfig(environment), databaseUrl: url });
  await coreServices.database.run({ text: 'CREATE EXTENSION IF NOT EXISTS pg_stat_statements' }).catch(() => undefined);
  const replicas = [];
  for (let index = 0; index < replicaCount; index++) replicas.push(await startBundle(environment));
  // Seeded last: a replica does not start on rows that the audit record does not cover.
  await seedDue(coreServices, sandbox, due, { onToken: (made) => tokens.set(made.accessToken, made) });
  meta.settings.latencyMs = latencyMs;
  const row = (kind, r) => {
    const ideal = latencyMs === 0 ? null : (CONCURRENCY * replicaCount * 1000) / (2 * latencyMs);
    const share = ideal === null || kind !== 'refresh' ? '' : (r.perSecond / ideal).toFixed(2);
    const each = r.statements === null ? '' : r.statements.toFixed(1);
    process.stdout.write(
      `| ${kind} | ${due} | ${latencyMs} | ${replicaCount} | ${r.done} | ${r.perSecond.toFixed(0)} | ${share} | ${each} | ${r.cpuEach.join(' | ')} | ${r.rssFrom} → ${r.rssTo}, at most ${r.rssMost} |\n`,
    );
  };
  if (TOP > 0) await coreServices.database.run({ text: 'SELECT pg_stat_statements_reset()' });
  row(
    'refresh',
    await measure(coreServices.database, replicas, 'refresh', 'SELECT count(*) FROM credential WHERE version = 2'),
  );
  if (TOP > 0) await printTop(coreServices.database);
  // In parts: one statement for a million rows would take longer than a statement may.
  for (let part = 0; part < 16; part++) {
    await coreServices.database.longRunning.run({
      text: `UPDATE credential SET check_due_at = now(), last_checked_at = NULL
        WHERE claim_id IS NULL AND hashtext(id) & 15 = $1`,
      values: [part],
    });
  }
  row(
    'health',
    await measure(
      coreServices.database,
      replicas,
      'health',
      'SELECT count(*) FROM credential WHERE last_checked_at IS NOT NULL',
    ),
  );
  await Promise.all(replicas.map((replica) => replica.stop()));
  await coreServices.close();
  await meta.close();
  await sandbox.close();
}

/** Milliseconds of a statement, which is undone. */
async function explain(database, { text, values }) {
  let milliseconds = 0;
  const undone = new Error('undone');
  await database
    .transaction(async (tx) => {
      const lines = await tx.rows({ text: `EXPLAIN ANALYZE ${text}`, values });
      const plan = lines.map((line) => line['QUERY PLAN']).join('\n');
      milliseconds = Number(/Execution Time: ([\d.]+)/.exec(plan)?.[1]);
      throw undone;
    })
    .catch((error) => {
      if (error !== undone) throw error;
    });
  return milliseconds;
}

/** The two statements of a claim of 32, cold and warm, with all rows due, one in sixty, and none. */
async function dueQuery(admin, rows) {
  const sandbox = await startSandbox({ now: () => Date.now(), randomBytes: (size) => random.bytes(size) });
  const url = await freshDatabase(admin.database);
  const coreServices = await openCoreServices({ config: loadConfig(environmentOf(sandbox, url)), databaseUrl: url });
  const { database } = coreServices;
  await database.run({ text: 'SET statement_timeout = 0' });
  for (let from = 0; from < rows; from += 10_000) {
    const to = Math.min(rows, from + 10_000) - 1;
    await database.run({
      text: `INSERT INTO connection (id, tenant, product, flow, status, app_id, meta_user_id, scopes, declined_scopes, graph_api_version,
          authorized_at, created_at, updated_at)
        SELECT 'con_' || n, 't' || n % $1, 'pages', 'import', 'active', 'app', n::text, '{}', '{}', 'v26.0', now(), now(), now()
        FROM generate_series(${from}, ${to}) n`,
      values: [TENANTS],
    });
    await database.run({
      text: `INSERT INTO credential (id, connection_id, tenant, app_id, kind, is_root, subject_id, version, secret_id, token_hash, scopes,
          expires_at, health, refresh_after, refresh_due_at, check_due_at, created_at, updated_at)
        SELECT 'crd_' || n, 'con_' || n, 't' || n % $1, 'app', 'user', true, n::text, 1, 'sec_' || n, '\\x00', '{}', at + interval '7 days', 'healthy',
          at, at, now() + random() * interval '1 day', now(), now()
        FROM generate_series(${from}, ${to}) n, LATERAL (SELECT now() + (n % 60000) * interval '86.4 seconds' AS at) t`,
      values: [TENANTS],
    });
  }
  await database.longRunning.run({ text: 'VACUUM ANALYZE credential' });
  for (const [label, days] of [
    ['none due', -1],
    ['one in 60 due', 1],
    ['all due', 90],
  ]) {
    const now = new Date(coreServices.clock.now().getTime() + days * 86_400_000);
    const times = { visit: [], claim: [] };
    for (let round = 0; round < 5; round++) {
      const of = { appId: 'app', now, from: '' };
      const visited = await database.rows(DUE_REFRESHES.visit(of));
      const tenants = visited.filter((row) => row.is_due).map((row) => row.tenant);
      const shares = { tenants: tenants.slice(0, 32), perTenant: 1 };
      times.visit.push(await explain(database, DUE_REFRESHES.visit(of)));
      const claimed = { ...of, ...shares, claimId: 'clm_bench', claimedUntil: now };
      times.claim.push(await explain(database, DUE_REFRESHES.claim(claimed)));
    }
    const range = (all) => `${Math.min(...all).toFixed(2)} to ${Math.max(...all).toFixed(2)}`;
    process.stdout.write(`| ${rows} | ${label} | ${range(times.visit)} | ${range(times.claim)} |\n`);
  }
  await coreServices.close();
  await sandbox.close();
}

try {
  const sandbox = await startSandbox({ now: () => Date.now(), randomBytes: (size) => random.bytes(size) });
  const admin = await openCoreServices({
    config: loadConfig(environmentOf(sandbox, postgres.url)),
    databaseUrl: postgres.url,
  });
  process.stdout.write('| rows | | visit of 100 tenants, ms | claim of 32, ms |\n|---|---|---|---|\n');
  for (const rows of DUE_QUERY_ROWS) if (rows > 0) await dueQuery(admin, rows);
  process.stdout.write(
    '\n| sweep | due | latency ms | replicas | done | a second | of the ideal | statements each | CPU µs each | Postgres | Meta | RSS MB |\n',
  );
  process.stdout.write('|---|---|---|---|---|---|---|---|---|---|---|---|\n');
  for (const due of DUE) {
    for (const latencyMs of LATENCIES) {
      for (const replicas of REPLICAS) if (due > 0) await run(admin, due, latencyMs, replicas);
    }
  }
  await admin.close();
  await sandbox.close();
} finally {
  await postgres.stop();
  folder.remove();
}
