// Refreshes and health checks per second, statements per refresh, memory, and the time of the due query.
//   SWEEP_DUE=10000,100000 SWEEP_LATENCY_MS=0,200 SWEEP_REPLICAS=1,3 SWEEP_DUE_QUERY_ROWS=1000000 npm run bench:sweep
import crypto from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { openCoreServices } from '../../dist/src/bootstrap/core-services.js';
import { loadConfig } from '../../dist/src/config/load-config.js';
import { credentialContext } from '../../dist/src/connections/credentials/seal-contexts.js';
import { startEmbeddedPostgres } from '../../dist/src/database/embedded-postgres.js';
import { SystemRandom } from '../../dist/src/platform/random.js';
import { SecretString } from '../../dist/src/platform/secret-string.js';
import { startSandbox } from '../../dist/src/sandbox/sandbox.js';
import { seal } from '../../dist/src/vault/sealed-secret.js';
import { ADMIN_KEY, benchEnvironment, startProcess, temporaryDirectory } from './harness.mjs';

const list = (name, fallback) => (process.env[name] ?? fallback).split(',').map(Number);
const DUE = list('SWEEP_DUE', '10000,100000');
const LATENCIES = list('SWEEP_LATENCY_MS', '0,200');
const REPLICAS = list('SWEEP_REPLICAS', '1,3');
const DUE_QUERY_ROWS = list('SWEEP_DUE_QUERY_ROWS', '10000,100000,1000000');
/** A run of the slow kind is stopped after this: the rate is what counts. */
const MAX_SECONDS = Number(process.env.SWEEP_MOST_SECONDS ?? 60);
const CONCURRENCY = 32;
const CHUNK = 1_000;

const random = new SystemRandom();
const folder = temporaryDirectory();
const postgres = await startEmbeddedPostgres({
  directory: folder.directory,
  random,
  settings: {
    max_connections: '200',
    shared_preload_libraries: 'pg_stat_statements',
    'pg_stat_statements.track': 'all',
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

/** `count` active connections whose tokens expire within six days, sealed as the service does, in multi-row inserts. */
async function seedDue({ database, keyRing, ids, clock }, sandbox, count) {
  const now = clock.now();
  const kek = keyRing.activeKek();
  const rows = [];
  let index = 0;
  for (const made of sandbox.state.make.bulk({ count, expiresIn: 5 * 86_400, scopes: ['pages_show_list'] })) {
    const [connectionId, credentialId, secretId] = [ids.next('con'), ids.next('crd'), ids.next('sec')];
    const context = credentialContext({ tenant: `t${index}`, connectionId, credentialId, kind: 'user', version: 1 });
    const sealed = seal(secretId, new SecretString(made.accessToken), context, kek, random);
    rows.push({ connectionId, credentialId, secretId, sealed, made, tenant: `t${index++}` });
    if (rows.length === CHUNK) await insert(database, rows.splice(0), sandbox.app.id, now);
  }
  if (rows.length > 0) await insert(database, rows, sandbox.app.id, now);
  await database.run({ text: 'ANALYZE' });
}

async function insert(database, rows, appId, now) {
  const of = (read) => rows.map(read);
  await database.run({
    text: `INSERT INTO sealed_secret SELECT *, $5::timestamptz FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[])`,
    values: [
      of((r) => r.secretId),
      of((r) => r.sealed.kekId),
      of((r) => r.sealed.wrappedKey),
      of((r) => r.sealed.ciphertext),
      now,
    ],
  });
  await database.run({
    text: `INSERT INTO connection (id, tenant, product, flow, status, app_id, meta_user_id, scopes, declined_scopes, graph_api_version,
        authorized_at, created_at, updated_at)
      SELECT id, tenant, 'pages', 'import', 'active', $4, meta_user, '{pages_show_list}', '{}', 'v26.0', $5, $5, $5
      FROM unnest($1::text[], $2::text[], $3::text[]) AS r (id, tenant, meta_user)`,
    values: [of((r) => r.connectionId), of((r) => r.tenant), of((r) => r.made.userId), appId, now],
  });
  await database.run({
    text: `INSERT INTO credential (id, connection_id, app_id, kind, is_root, subject_id, version, secret_id, token_hash, scopes, issued_at,
        expires_at, health, refresh_after, refresh_due_at, check_due_at, created_at, updated_at)
      SELECT id, connection, $6, 'user', true, meta_user, 1, secret, '\\x00', '{pages_show_list}', $7, expires, 'healthy',
        expires - interval '7 days', expires - interval '7 days', $7, $7, $7
      FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[]) AS r (id, connection, meta_user, secret, expires)`,
    values: [
      of((r) => r.credentialId),
      of((r) => r.connectionId),
      of((r) => r.made.userId),
      of((r) => r.secretId),
      of((r) => new Date(r.made.expiresAt)),
      appId,
      now,
    ],
  });
}

const sweepAt = (replica, kind) =>
  fetch(`${replica.url}/v1/maintenance/${kind}-sweep`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_KEY}` },
  })
    .then((response) => response.json())
    .catch(() => null);

/** One sweep on all replicas at once; how many a second were done, and how memory went. */
async function measure(database, replicas, kind, doneSql) {
  const count = async () => Number((await database.rows({ text: doneSql }))[0].count);
  const statementsBefore = await statements(database);
  const startedAt = performance.now();
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
  const done = (await count()) - before;
  const statementsAfter = await statements(database);
  const each = statementsBefore === null || done === 0 ? null : (statementsAfter - statementsBefore) / done;
  return { done, perSecond: done / seconds, rssFrom: rss[1] ?? rss[0], rssTo: rss.at(-1), statements: each };
}

async function statements(database) {
  try {
    const [row] = await database.rows({ text: 'SELECT sum(calls) AS calls FROM pg_stat_statements WHERE toplevel' });
    return Number(row.calls);
  } catch {
    return null;
  }
}

async function run(admin, due, latencyMs, replicaCount) {
  const sandbox = await startSandbox({ now: () => Date.now(), randomBytes: (size) => random.bytes(size) });
  const url = await freshDatabase(admin.database);
  const environment = environmentOf(sandbox, url);
  const coreServices = await openCoreServices({ config: loadConfig(environment), databaseUrl: url });
  await coreServices.database.run({ text: 'CREATE EXTENSION IF NOT EXISTS pg_stat_statements' }).catch(() => undefined);
  await seedDue(coreServices, sandbox, due);
  sandbox.state.setLatency(latencyMs);
  const replicas = [];
  for (let index = 0; index < replicaCount; index++) replicas.push(await startProcess('service.mjs', environment));
  const row = (kind, r) => {
    const ideal = latencyMs === 0 ? null : (CONCURRENCY * replicaCount * 1000) / (2 * latencyMs);
    const share = ideal === null || kind !== 'refresh' ? '' : (r.perSecond / ideal).toFixed(2);
    const each = r.statements === null ? '' : r.statements.toFixed(1);
    process.stdout.write(
      `| ${kind} | ${due} | ${latencyMs} | ${replicaCount} | ${r.done} | ${r.perSecond.toFixed(0)} | ${share} | ${each} | ${r.rssFrom} → ${r.rssTo} |\n`,
    );
  };
  row(
    'refresh',
    await measure(coreServices.database, replicas, 'refresh', 'SELECT count(*) FROM credential WHERE version = 2'),
  );
  await coreServices.database.run({
    text: `UPDATE credential SET check_due_at = now(), last_checked_at = NULL WHERE claim_id IS NULL`,
  });
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
  await sandbox.close();
}

/** The claim's own query, cold and warm, with all rows due, one in sixty, and none. */
async function dueQuery(admin, rows) {
  const sandbox = await startSandbox({ now: () => Date.now(), randomBytes: (size) => random.bytes(size) });
  const url = await freshDatabase(admin.database);
  const coreServices = await openCoreServices({ config: loadConfig(environmentOf(sandbox, url)), databaseUrl: url });
  const { database } = coreServices;
  await database.run({ text: 'SET statement_timeout = 0' });
  for (let from = 0; from < rows; from += 50_000) {
    const to = Math.min(rows, from + 50_000) - 1;
    await database.run({
      text: `INSERT INTO connection (id, tenant, product, flow, status, app_id, meta_user_id, scopes, declined_scopes, graph_api_version,
          authorized_at, created_at, updated_at)
        SELECT 'con_' || n, 't', 'pages', 'import', 'active', 'app', n::text, '{}', '{}', 'v26.0', now(), now(), now()
        FROM generate_series(${from}, ${to}) n`,
    });
    await database.run({
      text: `INSERT INTO credential (id, connection_id, app_id, kind, is_root, subject_id, version, secret_id, token_hash, scopes,
          expires_at, health, refresh_after, refresh_due_at, check_due_at, created_at, updated_at)
        SELECT 'crd_' || n, 'con_' || n, 'app', 'user', true, n::text, 1, 'sec_' || n, '\\x00', '{}', at + interval '7 days', 'healthy',
          at, at, now() + random() * interval '1 day', now(), now()
        FROM generate_series(${from}, ${to}) n, LATERAL (SELECT now() + (n % 60000) * interval '86.4 seconds' AS at) t`,
    });
  }
  await database.run({ text: 'VACUUM ANALYZE credential' });
  const [claims] = [
    `SELECT id FROM credential WHERE app_id = 'app' AND refresh_due_at IS NOT NULL AND refresh_after <= now() + $1::interval
       AND refresh_due_at <= now() + $1::interval AND (claimed_until IS NULL OR claimed_until < now() + $1::interval)
     ORDER BY refresh_after LIMIT 32 FOR UPDATE SKIP LOCKED`,
  ];
  for (const [label, offset] of [
    ['none due', '-1 day'],
    ['one in 60 due', '1 day'],
    ['all due', '90 days'],
  ]) {
    const times = [];
    let plan = '';
    for (let round = 0; round < 5; round++) {
      const lines = await database.rows({ text: `EXPLAIN ANALYZE ${claims}`, values: [offset] });
      const text = lines.map((line) => line['QUERY PLAN']).join('\n');
      times.push(Number(/Execution Time: ([\d.]+)/.exec(text)?.[1]));
      plan = /Index (?:Only )?Scan using (\w+)/.exec(text)?.[1] ?? 'no index';
    }
    process.stdout.write(
      `| ${rows} | ${label} | ${Math.min(...times).toFixed(2)} | ${Math.max(...times).toFixed(2)} | ${plan} |\n`,
    );
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
  process.stdout.write('| rows | | best ms | worst ms | index |\n|---|---|---|---|---|\n');
  for (const rows of DUE_QUERY_ROWS) if (rows > 0) await dueQuery(admin, rows);
  process.stdout.write(
    '\n| sweep | due | latency ms | replicas | done | a second | of the ideal | statements each | RSS MB |\n',
  );
  process.stdout.write('|---|---|---|---|---|---|---|---|---|\n');
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
