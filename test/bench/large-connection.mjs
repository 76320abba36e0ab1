// Connecting a user with thousands of Pages and one with a few: time, calls to Meta by edge, statements, peak memory.
//   CONNECT_PAGES=30,3000  CONNECT_VIA=list,scopes  CONNECT_LATENCY_MS=20   npm run bench:connect

import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../dist/src/database/embedded-postgres.js';
import { SystemRandom } from '../../dist/src/platform/random.js';
import { ADMIN_KEY, benchEnvironment, callApi, startProcess, temporaryDirectory } from './harness.mjs';

const list = (name, fallback) => (process.env[name] ?? fallback).split(',');
const PAGES = list('CONNECT_PAGES', '30,3000').map(Number);
/** Where Meta names the Pages: in `/me/accounts`, or in granular scopes alone. */
const VIA = list('CONNECT_VIA', 'list,scopes');
const LATENCY_MS = Number(process.env.CONNECT_LATENCY_MS ?? 20);
const APP_ID = '1000000000000001';
const USER_ID = '100000000000001';
const SCOPES = ['pages_show_list', 'pages_read_engagement'];

const folder = temporaryDirectory();
const random = new SystemRandom();
const settings = {
  max_connections: '100',
  shared_preload_libraries: 'pg_stat_statements',
  'pg_stat_statements.track': 'top',
};
const postgres = await startEmbeddedPostgres({ directory: folder.directory, random, settings });
const admin = new pg.Client(postgres.url);
await admin.connect();
await admin.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');

const pageOf = (index) => ({
  id: String(200000000000000 + index),
  name: `Page ${index}`,
  access_token: `EAAB${crypto.createHash('sha256').update(String(index)).digest('base64url').repeat(4)}`,
  tasks: ['ADVERTISE', 'ANALYZE', 'CREATE_CONTENT', 'MESSAGING', 'MODERATE', 'MANAGE'],
});

/** A Meta with one person who has `count` Pages. */
async function startMeta({ count, via }) {
  const calls = new Map();
  const server = http.createServer(async (request, response) => {
    const url = new URL(request.url, 'http://meta.localhost');
    const path = url.pathname.replace(/^\/v[\d.]+/, '');
    const edge = url.searchParams.has('ids') ? '/?ids=' : path.replace(/\d{6,}/, '{id}');
    calls.set(edge, (calls.get(edge) ?? 0) + 1);
    await sleep(LATENCY_MS);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(answer(url, path, { count, via })));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { calls, url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

function answer(url, path, { count, via }) {
  const now = Math.floor(Date.now() / 1000);
  if (path === '/debug_token') {
    const ids = Array.from({ length: count }, (_, index) => pageOf(index).id);
    const granular = SCOPES.map((scope) => (via === 'scopes' ? { scope, target_ids: ids } : { scope }));
    const about = { app_id: APP_ID, user_id: USER_ID, type: 'USER', is_valid: true, scopes: SCOPES };
    return { data: { ...about, granular_scopes: granular, issued_at: now, expires_at: now + 5_184_000 } };
  }
  if (url.searchParams.has('ids')) {
    const ids = url.searchParams.get('ids').split(',');
    return Object.fromEntries(ids.map((id) => [id, pageOf(Number(id) - 200000000000000)]));
  }
  if (path === '/me') return { id: USER_ID, name: 'Somebody' };
  if (path !== '/me/accounts')
    return { error: { message: 'unknown', type: 'OAuthException', code: 100, error_subcode: 33 } };
  const total = via === 'list' ? count : 0;
  const start = Number(url.searchParams.get('after') ?? 0);
  const end = Math.min(start + Number(url.searchParams.get('limit') ?? 25), total);
  const data = Array.from({ length: end - start }, (_, index) => pageOf(start + index));
  const next = end < total ? { next: `${url.origin}${path}?after=${end}` } : {};
  return { data, paging: { cursors: { before: String(start), after: String(end) }, ...next } };
}

/** Peak memory of the process, in MiB. */
const peakOf = (pid) => Number(/VmHWM:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;

async function measure(scenario) {
  const name = `bench_${crypto.randomBytes(4).toString('hex')}`;
  await admin.query(`CREATE DATABASE ${name}`);
  const meta = await startMeta(scenario);
  const replica = await startProcess('service.mjs', {
    ...benchEnvironment(postgres.url.replace(/postgres$/, name)),
    NODE_ENV: 'test',
    LOG_LEVEL: 'fatal',
    META_GRAPH_URL: meta.url,
  });
  try {
    const idlePeak = peakOf(replica.pid);
    await admin.query('SELECT pg_stat_statements_reset()');
    const startedAt = performance.now();
    const body = { tenant: 'bench', product: 'pages', access_token: `EAAB${'x'.repeat(180)}` };
    const connection = await callApi(replica.url, 'POST', '/v1/connections/import', ADMIN_KEY, body);
    const seconds = (performance.now() - startedAt) / 1000;
    const { rows } = await admin.query(
      `SELECT sum(calls)::int AS calls FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = $1`,
      [name],
    );
    return {
      pages: scenario.count,
      via: scenario.via,
      found: connection.assets.length,
      seconds: seconds.toFixed(2),
      statements: rows[0].calls,
      'peak RSS, MiB': peakOf(replica.pid).toFixed(0),
      'before, MiB': idlePeak.toFixed(0),
      calls: [...meta.calls].map(([edge, n]) => `${edge} ${n}`).join(', '),
    };
  } finally {
    await replica.stop();
    meta.close();
  }
}

for (const via of VIA) {
  for (const count of PAGES) {
    const figures = Object.entries(await measure({ count, via }));
    process.stdout.write(`${figures.map(([name, value]) => `${name}: ${value}`).join('  ')}\n`);
  }
}
await admin.end();
await postgres.stop();
folder.remove();
