import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { api, completeConnect, createServiceClient } from '../support/connect-test-context.ts';
import { freePort } from '../support/http-listener.ts';
import { startTestReplica, type TestReplica } from '../support/test-replica.ts';
import { startTestSandbox } from '../support/test-sandbox.ts';
import { until } from '../support/until.ts';

jest.setTimeout(240_000);

const ROOT = path.resolve(import.meta.dirname, '../..');
const CLIENT = path.join(ROOT, 'clients/typescript');
const EXAMPLE = path.join(ROOT, 'examples/node/server.mjs');
const run = promisify(execFile);
/** What the package needs: `npm install` gets it from here, without a network. */
const DEPENDENCIES = ['standardwebhooks', '@stablelib/base64', 'fast-sha256'];

const folder = mkdtempSync(path.join(os.tmpdir(), 'metavault-client-'));
const product = path.join(folder, 'product');
let packed: string[] = [];
let sandbox: Awaited<ReturnType<typeof startTestSandbox>>;
let replica: TestReplica;
let environment: Record<string, string>;

beforeAll(async () => {
  await install();
  sandbox = await startTestSandbox();
  const port = String(await freePort());
  const url = `http://127.0.0.1:${port}`;
  replica = await startTestReplica({ environment: { ...sandbox.environment(), PORT: port, PUBLIC_URL: url } });
  await replica.listen();
  await connect('acme');
  const { key } = await createServiceClient({ replica });
  environment = { METAVAULT_URL: url, METAVAULT: url, SERVICE_KEY: key, METAVAULT_KEY: key };
});
afterAll(async () => {
  await replica?.close();
  await sandbox?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Connects a new Meta user with a Page, or the one that is named again. Returns the user's id. */
async function connect(tenant: string, known?: string): Promise<string> {
  const userId = known ?? sandbox.state.make.user().id;
  if (known === undefined) sandbox.state.make.page({ userIds: [userId] });
  await completeConnect({ replica }, { tenant, product: 'pages', return_url: undefined }, { user: userId });
  return userId;
}

/** Packs the client and installs it in an empty folder, as a product team does. */
async function install(): Promise<void> {
  const npm = (args: string[], cwd: string) => run('npm', [...args, '--cache', path.join(folder, 'cache')], { cwd });
  mkdirSync(product);
  const pack = ['pack', '--json', '--pack-destination', folder];
  const [description] = JSON.parse((await npm(pack, CLIENT)).stdout) as { files: { path: string }[] }[];
  packed = (description?.files ?? []).map((file) => file.path);
  const folders = DEPENDENCIES.map((name) => path.join(ROOT, 'node_modules', name));
  await npm([...pack, '--ignore-scripts', ...folders], folder);
  const tarballs = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  writeFileSync(path.join(product, 'package.json'), '{ "private": true }');
  const offline = ['install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund'];
  await npm([...offline, ...tarballs.map((name) => path.join(folder, name))], product);
}

/** Runs a program in the folder where the client is installed. Returns what it printed. */
async function runProgram(name: string, source: string, added: Record<string, string> = {}): Promise<string> {
  writeFileSync(path.join(product, name), source);
  const env = { PATH: process.env['PATH'], ...environment, ...added };
  return (await run(process.execPath, [name], { cwd: product, env })).stdout;
}

/** The `js` blocks of a page. */
const blocksOf = (page: string): string[] =>
  [...readFileSync(path.join(ROOT, page), 'utf8').matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);

describe('@metavault/client', () => {
  it('has types that fit the API document', async () => {
    const checked = await run(process.execPath, [path.join(CLIENT, 'write-schema.mjs'), '--check']);
    expect(checked.stderr).toBe('');
  });

  it('is packed with what it needs and nothing else', () => {
    expect(packed).toEqual(expect.arrayContaining(['README.md', 'package.json', 'dist/cjs/package.json']));
    const others = packed.filter(
      (name) => !/^(README\.md|package\.json|dist\/(esm|cjs)\/[\w-]+\.(js|d\.ts))$/.test(name),
    );
    expect(others).toEqual(['dist/cjs/package.json']);
  });

  it('works from ESM and from CommonJS', async () => {
    const work = `const client = new Metavault({ url: process.env.METAVAULT_URL, apiKey: process.env.SERVICE_KEY });
      client.graph({ tenant: 'acme', product: 'pages' }).get('me').then(({ id }) => console.log(id, typeof EventVerifier));`;
    const names = '{ EventVerifier, Metavault }';
    const esm = await runProgram('esm.mjs', `import ${names} from '@metavault/client'; ${work}`);
    const cjs = await runProgram('cjs.cjs', `const ${names} = require('@metavault/client'); ${work}`);
    expect(esm).toMatch(/^\d+ function\n$/);
    expect(cjs).toBe(esm);
  });

  it('has types that compile under strict, and find mistakes', async () => {
    const source = `import { EventVerifier, type IssuedLease, Metavault } from '@metavault/client';
      const client = new Metavault({ url: '', apiKey: async () => 'token' });
      export async function work(): Promise<IssuedLease | string | undefined> {
        const { data } = await client.request('get', '/v1/audit', { query: { limit: 10 } });
        const nothing: undefined = await client.request('delete', '/v1/leases/{id}', { path: { id: 'lse_1' } });
        // @ts-expect-error no such path
        await client.request('get', '/v1/nothing');
        // @ts-expect-error no such product
        await client.leases.for({ tenant: 'acme', product: 'myspace' });
        // @ts-expect-error the tenant is missing
        await client.connectSessions.create({ product: 'pages', flow: 'facebook_login' });
        const event = new EventVerifier('').verify('', {});
        if (event.type === 'connection.expiring') return String(event.data.days_left);
        // @ts-expect-error only some events have days left
        if (event.type === 'connection.created') return event.data.days_left;
        return data[0]?.action ?? nothing;
      }`;
    for (const name of ['types.mts', 'types.cts']) writeFileSync(path.join(product, name), source);
    const options = {
      compilerOptions: {
        module: 'NodeNext',
        target: 'ES2022',
        lib: ['ES2023'],
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        noEmit: true,
        typeRoots: [path.join(ROOT, 'node_modules/@types')],
        types: ['node'],
      },
      files: ['types.mts', 'types.cts'],
    };
    writeFileSync(path.join(product, 'tsconfig.json'), JSON.stringify(options));
    const compiler = path.join(ROOT, 'node_modules/typescript-7/bin/tsc');
    const { stdout } = await run(process.execPath, [compiler], { cwd: product }).catch(
      (error: { stdout: string }) => error,
    );
    expect(stdout).toBe('');
  });
});

describe('the documents', () => {
  it('show in README.md what works', async () => {
    const [block = ''] = blocksOf('README.md');
    expect(await runProgram('readme.mjs', block)).toMatch(/^\{ id: '\d+', name: '.+' \}\n$/);
  });

  it('show in docs/clients.md what works', async () => {
    const blocks = blocksOf('docs/clients.md');
    expect(blocks).toHaveLength(2);
    const secret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
    const body = JSON.stringify({ type: 'subscription.test', timestamp: '', data: {} });
    const at = new Date();
    const headers = {
      'webhook-id': 'evt_1',
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': new Webhook(secret).sign('evt_1', at, body),
    };
    const calls = `console.log(receive(${JSON.stringify(body)}, ${JSON.stringify(headers)}), receive('', {}));`;
    const printed = await runProgram('clients.mjs', [...blocks, calls].join('\n'), {
      METAVAULT_WEBHOOK_SECRET: secret,
    });
    expect(printed).toMatch(
      /^(\d+_\d+\n)+connection_not_found \S.* null req_\w+ null[\n]evt_1 subscription\.test \{\}\n204 401\n$/,
    );
  });
});

describe('examples/node', () => {
  let server: ChildProcess | null = null;
  let url = '';

  beforeAll(async () => {
    expect(readFileSync(EXAMPLE, 'utf8').split('\n').length).toBeLessThan(60);
    copyFileSync(EXAMPLE, path.join(product, 'server.mjs'));
    const express = path.dirname(createRequire(EXAMPLE).resolve('express/package.json'));
    symlinkSync(express, path.join(product, 'node_modules/express'));
    const PORT = String(await freePort());
    url = `http://127.0.0.1:${PORT}`;
    const hooks = { url: `${url}/hooks`, events: ['connection.created', 'connection.reauth_required'] };
    const { secret } = (await api({ replica }).post('/v1/subscriptions', hooks)).body as { secret: string };
    server = spawn(process.execPath, ['server.mjs'], {
      cwd: product,
      env: { PATH: process.env['PATH'], ...environment, METAVAULT_WEBHOOK_SECRET: secret, PORT },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    for await (const line of createInterface({ input: server.stdout as NodeJS.ReadableStream })) {
      if (line === `listening on ${PORT}`) break;
    }
  });
  afterAll(async () => {
    if (server === null || server.exitCode !== null) return;
    const ended = once(server, 'exit');
    server.kill('SIGKILL');
    await ended;
  });

  const read = async (place: string): Promise<unknown> => (await fetch(url + place)).json();

  it('lists Pages, and leads to a link that connects', async () => {
    expect(await read('/customers/acme/pages')).toEqual([{ id: expect.any(String), name: expect.any(String) }]);
    const left = await fetch(`${url}/customers/acme/connect`, { redirect: 'manual' });
    expect(left.status).toBe(303);
    expect(left.headers.get('location')).toMatch(/\/connect\/\S+$/);
  });

  it('says what is wrong', async () => {
    const nobody = await fetch(`${url}/customers/nobody/pages`);
    expect(nobody.status).toBe(502);
    expect(await nobody.json()).toMatchObject({ code: 'connection_not_found', reconnect: null });
    expect((await fetch(`${url}/hooks`, { method: 'POST', body: '{}' })).status).toBe(401);
  });

  it('asks who lost access to connect again, until they have', async () => {
    const userId = await connect('globex');
    const call = api({ replica });
    const list = async () => (await call.get('/v1/connections?tenant=globex')).body as { data: { id: string }[] };
    const { data } = await list();
    const isAsked = async (): Promise<boolean> =>
      ((await read('/customers/globex')) as { reconnect: string | null }).reconnect === '/customers/globex/connect';
    expect(await isAsked()).toBe(false);
    sandbox.state.changePassword(userId);
    await call.post(`/v1/connections/${data[0]?.id}/check`, {});
    await until(isAsked);
    const refused = await fetch(`${url}/customers/globex/pages`);
    expect(refused.status).toBe(409);
    expect(await refused.json()).toMatchObject({ code: 'reauth_required', reconnect: '/customers/globex/connect' });
    await connect('globex', userId);
    await until(async () => !(await isAsked()));
    expect((await list()).data).toMatchObject([{ id: data[0]?.id, status: 'active' }]);
  });
});
