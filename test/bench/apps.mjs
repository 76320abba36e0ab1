// npm run bench:apps: what leases, Graph calls, a start, and the search for due work cost with one Meta app and with
// 10,000 of 100 connections each.
import pg from 'pg';
import { Registry } from 'prom-client';
import { AppRepository } from '../../dist/src/apps/app.repository.js';
import { AppSecretStore } from '../../dist/src/apps/app-secret-store.js';
import { openCoreServices } from '../../dist/src/bootstrap/core-services.js';
import { loadConfig } from '../../dist/src/config/load-config.js';
import { listAppsWithDue } from '../../dist/src/connections/due-apps.query.js';
import { startEmbeddedPostgres } from '../../dist/src/database/embedded-postgres.js';
import { IntegrityFailures } from '../../dist/src/database/integrity-failures.js';
import { RowMacs } from '../../dist/src/database/row-macs.js';
import { createLogger } from '../../dist/src/platform/logger.js';
import { SystemRandom } from '../../dist/src/platform/random.js';
import { SecretString } from '../../dist/src/platform/secret-string.js';
import { Vault } from '../../dist/src/vault/vault.js';
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

const APPS = Number(process.env.BENCH_APPS ?? 10_000);
/** Connections that each app has only to bring the tables to a realistic size. */
const CONNECTIONS_PER_APP = Number(process.env.BENCH_CONNECTIONS_PER_APP ?? 100);
/** The first half is under the environment's app, the other half each under one of its own. */
const CONNECTIONS = 1000;
const FIRST_APP_ID = 700_000_000_000;

const folder = temporaryDirectory();
const running = [];
const start = async (...args) => {
  const process_ = await startProcess(...args);
  running.push(process_);
  return process_;
};

/** Stores apps as the API does, without asking Meta. */
async function seedApps(environment) {
  const coreServices = await openCoreServices({
    config: loadConfig(environment),
    databaseUrl: environment.DATABASE_URL,
  });
  const { database, keyRing, clock } = coreServices;
  const repository = new AppRepository(
    new RowMacs(keyRing, new IntegrityFailures(createLogger('error'), new Registry())),
  );
  const secrets = new AppSecretStore(new Vault(keyRing, coreServices));
  const secret = new SecretString('0123456789abcdef0123456789abcdef');
  for (let first = 0; first < APPS; first += 500) {
    await database.transaction(async (tx) => {
      for (let n = first; n < Math.min(APPS, first + 500); n++) {
        const id = String(FIRST_APP_ID + n);
        const now = clock.now();
        await repository.insert(tx, {
          app_id: id,
          name: id,
          tenants: [`t${CONNECTIONS / 2 + n}`],
          instagram_app_id: null,
          threads_app_id: null,
          login_config_ids: {},
          graph_api_version: null,
          secret_ids: await secrets.seal(tx, id, { app_secret: secret, webhook_verify_token: secret }),
          previous_secret_until: null,
          version: 1,
          created_at: now,
          updated_at: now,
        });
      }
    });
  }
  for (const name of ['connection', 'credential']) {
    await database.run({
      text: `UPDATE ${name} SET app_id = (${FIRST_APP_ID - CONNECTIONS / 2} + substr(tenant, 2)::bigint)::text
        WHERE tenant ~ '^t[0-9]+$' AND substr(tenant, 2)::int >= ${CONNECTIONS / 2}`,
    });
  }
  await coreServices.close();
  await addConnections(environment.DATABASE_URL);
}

/** Copies a connection and its credential for each app, in the database, without their token. */
async function addConnections(databaseUrl) {
  // Takes minutes, which is longer than our own connections wait for a statement.
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const COPIES = `generate_series(0, ${APPS - 1}) AS app, generate_series(1, ${CONNECTIONS_PER_APP}) AS n`;
  await client.query(
    `INSERT INTO connection SELECT r.* FROM (SELECT * FROM connection ORDER BY id LIMIT 1) c, ${COPIES},
      LATERAL jsonb_populate_record(null::connection, to_jsonb(c) || jsonb_build_object('id', 'con_f' || app || '-' || n,
        'tenant', 'f' || app || '-' || n, 'app_id', (${FIRST_APP_ID} + app)::text, 'meta_user_id', app || '-' || n)) r`,
  );
  await client.query(
    `INSERT INTO credential SELECT r.* FROM (SELECT * FROM credential ORDER BY id LIMIT 1) c, ${COPIES},
      LATERAL jsonb_populate_record(null::credential, to_jsonb(c) || jsonb_build_object('id', 'crd_f' || app || '-' || n,
        'connection_id', 'con_f' || app || '-' || n, 'app_id', (${FIRST_APP_ID} + app)::text, 'secret_id', null,
        'token_hash', null, 'subject_id', app || '-' || n)) r`,
  );
  await client.query('ANALYZE');
  await client.end();
}

/** Milliseconds to find the apps with work that is due, of all kinds: the least of five. Nothing is due. */
async function timeDueApps(environment) {
  const { database, clock, close } = await openCoreServices({
    config: loadConfig(environment),
    databaseUrl: environment.DATABASE_URL,
  });
  const times = [];
  for (let n = 0; n < 5; n++) {
    const startedAt = performance.now();
    for (const kind of ['refreshes', 'rotations', 'checks', 'discoveries'])
      await listAppsWithDue(database, kind, clock.now());
    times.push(performance.now() - startedAt);
  }
  await close();
  return Math.round(Math.min(...times));
}

async function timedStart(environment) {
  const startedAt = performance.now();
  const service = await start('service.mjs', environment);
  return { service, ms: Math.round(performance.now() - startedAt), rss: service.rss() };
}

const random = new SystemRandom();
const postgres = await startEmbeddedPostgres({ directory: folder.directory, random });
try {
  const upstream = await start('bare-upstream.mjs');
  const environment = { ...benchEnvironment(postgres.url), META_GRAPH_URL: upstream.url };
  await seed(environment, CONNECTIONS);
  const before = await timedStart(environment);
  await before.service.stop();
  running.pop();
  const dueBefore = await timeDueApps(environment);
  await seedApps(environment);
  const dueAfter = await timeDueApps(environment);
  const { service, ms, rss } = await timedStart(environment);

  const { api_key: key } = await callApi(service.url, 'POST', '/v1/clients', ADMIN_KEY, {
    name: 'bench',
    role: 'service',
    tenants: ['*'],
    products: ['pages'],
    lease_modes: ['gateway', 'token'],
  });
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const half = CONNECTIONS / 2;
  const leases = (mode, from) => ({
    url: `${service.url}/v1/leases`,
    method: 'POST',
    headers,
    requests: Array.from({ length: 200 }, (_, i) => ({
      body: JSON.stringify({ tenant: `t${from + i * 2}`, product: 'pages', mode }),
    })),
  });
  const call = async (tenant) => {
    const lease = await callApi(service.url, 'POST', '/v1/leases', key, {
      tenant,
      product: 'pages',
      ttl_seconds: 3600,
    });
    return { url: `${service.url}/graph/v26.0/me`, headers: { authorization: `Bearer ${lease.access_token}` } };
  };
  const results = await sideBySide([
    { name: "a  token leases, the environment's app", server: service, request: leases('token', 0) },
    { name: 'b  token leases, 200 apps of 10,000', server: service, request: leases('token', half) },
    { name: "c  GET through the gateway, the environment's app", server: service, request: await call('t0') },
    { name: 'd  GET through the gateway, an app of 10,000', server: service, request: await call(`t${half}`) },
  ]);
  const [a, b, c, d] = [...results.values()];
  process.stdout.write(`${table(results)}\n\n`);
  process.stdout.write(`b/a ${(b.requestsPerSecond / a.requestsPerSecond).toFixed(2)}   `);
  process.stdout.write(`d/c ${(d.requestsPerSecond / c.requestsPerSecond).toFixed(2)}   `);
  process.stdout.write(`by processor time ${(a.cpu / b.cpu).toFixed(2)}   ${(c.cpu / d.cpu).toFixed(2)}   `);
  process.stdout.write(
    `start ${before.ms} ms and ${before.rss} MB with one app, ${ms} ms and ${rss} MB with ${APPS}\n` +
      `search for due work ${dueBefore} ms with one app, ${dueAfter} ms with ${APPS}\n`,
  );
} finally {
  for (const each of running.reverse()) await each.stop();
  await postgres.stop();
  folder.remove();
}
