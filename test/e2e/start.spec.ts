import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { startDatabaseProxy } from '../support/database-proxy.ts';
import { freshDatabase } from '../support/fresh-database.ts';
import { freePort } from '../support/http-listener.ts';
import { serviceProgram } from '../support/service-program.ts';
import { TEST_ENVIRONMENT } from '../support/test-replica.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
/** Undefined if the sources are newer. */
const BUILD = process.env['REPLICA_BUILD'];
const running: ChildProcess[] = [];
/** The installation that a first `npm start` made, and the output of that start. */
let dataDir: string;
let firstStart: { environment: Record<string, string>; output: string; answers: unknown[]; code: number | null };

beforeAll(async () => {
  dataDir = mkdtempSync(path.join(os.tmpdir(), 'metavault-start-'));
  const environment = { DATA_DIR: dataDir, PORT: String(await freePort()) };
  const first = run('main', ['--demo'], environment);
  const answers = curlLines(await first.says(/graph\/me/)).map(paste);
  first.child.kill('SIGTERM');
  firstStart = { environment, answers, code: await first.ended, output: first.output() };
});
afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }
});
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

interface Run {
  child: ChildProcess;
  /** Its output on both streams. */
  output: () => string;
  /** Its output for machines. */
  stdout: () => string;
  ended: Promise<number | null>;
  /** Resolves once the output contains this, or the process has ended. */
  says(pattern: RegExp): Promise<string>;
}

function run(program: 'main' | 'cli', options: string[], environment: Record<string, string>): Run {
  return runProgram([...serviceProgram(program), ...options], environment);
}

function runProgram(program: string[], environment: Record<string, string>): Run {
  const child = spawn(process.execPath, program, {
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.push(child);
  let output = '';
  let stdout = '';
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  // 'close', not 'exit': by then all output has been read.
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return {
    child,
    ended,
    output: () => output,
    stdout: () => stdout,
    says: async (pattern) => {
      while (!pattern.test(output) && child.exitCode === null && child.signalCode === null)
        await Promise.race([once(child.stdout as NonNullable<typeof child.stdout>, 'data'), ended]);
      return output;
    },
  };
}

const curlLines = (screen: string): string[] => screen.split('\n').filter((line) => line.startsWith('curl '));
const get = async (port: string, target: string): Promise<unknown> =>
  (await fetch(`http://127.0.0.1:${port}${target}`)).json();
const paste = (line: string): unknown => JSON.parse(execFileSync('sh', ['-c', line], { encoding: 'utf8' }));

describe('npm start', () => {
  it('connects a user and prints three lines that work; a second start keeps everything', async () => {
    const { environment, output, answers, code } = firstStart;
    const lines = curlLines(output);
    expect(lines).toHaveLength(3);
    const [listed, lease, me] = answers;
    expect(listed).toMatchObject({ data: [{ tenant: 'demo-tenant', product: 'pages', status: 'active' }] });
    expect(lease).toMatchObject({ mode: 'gateway', access_token: expect.stringMatching(/^mtl_/) });
    expect(me).toEqual({ id: expect.any(String), name: expect.any(String) });
    expect(output).toMatch(/DEVELOPMENT KEYS IN USE/);
    for (const file of ['root-key', 'admin-key', 'demo-service-key']) {
      expect(statSync(path.join(dataDir, 'keys', file)).mode & 0o777).toBe(0o600);
    }
    expect(code).toBe(0);

    const second = run('main', ['--demo'], environment);
    const screen = await second.says(/graph\/me/);
    expect(screen).toMatch(/graph\/me/);
    expect(curlLines(screen)).toEqual(lines);
    expect(paste(lines[0] ?? '')).toEqual(listed);
    expect(paste(lines[2] ?? '')).toEqual(me);
    second.child.kill('SIGINT');
    expect(await second.ended).toBe(0);
  });
});

describe('a failing start', () => {
  const reported = async (environment: Record<string, string>): Promise<{ code: number | null; text: string }> => {
    const { ended, output } = run('main', [], environment);
    return { code: await ended, text: output() };
  };

  it('names every setting that production lacks, without a stack', async () => {
    const { code, text } = await reported({ NODE_ENV: 'production', PORT: 'x' });
    expect(code).toBe(1);
    for (const name of ['PORT', 'DATABASE_URL', 'META_APP_ID', 'ROOT_KEY'])
      expect(text).toMatch(new RegExp(`^  - ${name} `, 'm'));
    expect(text).not.toMatch(/^\s+at /m);
  });

  it('reports that the database does not respond, without its password', async () => {
    const { code, text } = await reported({
      DATA_DIR: dataDir,
      DATABASE_URL: 'postgres://u:hidden-pw@127.0.0.1:1/x',
      LOG_LEVEL: 'error',
    });
    expect([code, text.trim().split('\n')]).toEqual([1, [expect.stringMatching(/^DATABASE_URL: .*127\.0\.0\.1:1/)]]);
    expect(text).not.toContain('hidden-pw');
  });

  it('reports in one sentence that the port is taken, and leaves nothing running', async () => {
    const port = await freePort();
    const squatter = net.createServer().listen(port, '127.0.0.1');
    await once(squatter, 'listening');
    const { code, text } = await reported({ DATA_DIR: dataDir, PORT: String(port), LOG_LEVEL: 'error' });
    squatter.close();
    expect([code, text.trim().split('\n')]).toEqual([1, [expect.stringMatching(new RegExp(`^PORT: .*:${port}\\. `))]]);
  });

  it('says which root key is needed', async () => {
    const { code, text } = await reported({
      DATA_DIR: dataDir,
      PORT: String(await freePort()),
      LOG_LEVEL: 'error',
      ROOT_KEY: Buffer.alloc(32, 9).toString('base64'),
    });
    expect([code, text.trim().split('\n')]).toEqual([
      1,
      [expect.stringMatching(/^ROOT_KEY is for another vault: .*local:[0-9a-f]{16}/)],
    ]);
  });
});

(BUILD === undefined ? describe.skip : describe)('the bundle [skipped without a current build]', () => {
  it('serves requests and pages, and runs commands', async () => {
    execFileSync(process.execPath, [path.join(ROOT, 'bundle.mjs')]);
    const bundled = (file: string): string => path.join(BUILD ?? '', 'bundle', file);
    const database = await freshDatabase();
    const port = String(await freePort());
    const environment = { ...TEST_ENVIRONMENT, PORT: port, LOG_LEVEL: 'info', DATABASE_URL: database.url };
    const replica = runProgram([bundled('main.js')], environment);
    await replica.says(/"msg":"ready"/);
    const { paths } = (await get(port, '/openapi.json')) as { paths: Record<string, unknown> };
    expect(Object.keys(paths)).toContain('/v1/leases');
    expect(await get(port, '/health/ready')).toMatchObject({ status: 'ok' });
    expect((await fetch(`http://127.0.0.1:${port}/docs`)).status).toBe(200);
    const doctor = runProgram([bundled('cli.js'), 'doctor', '--json'], environment);
    await doctor.ended;
    expect(JSON.parse(doctor.stdout()).findings).toContainEqual(
      expect.objectContaining({ check: 'migrations', state: 'ok' }),
    );
    replica.child.kill('SIGTERM');
    expect(await replica.ended).toBe(0);
    await database.drop();
  });
});

describe('shutdown', () => {
  it('completes even if the database stopped responding', async () => {
    const database = await freshDatabase();
    const proxy = await startDatabaseProxy(database.url);
    const environment = { ...TEST_ENVIRONMENT, PORT: String(await freePort()), LOG_LEVEL: 'info' };
    const { child, ended, says } = run('main', [], { ...environment, DATABASE_URL: proxy.url });
    await says(/"msg":"ready"/);
    proxy.silence();
    // Left unanswered: it occupies a pooled connection forever.
    const hanging = fetch(`http://127.0.0.1:${environment.PORT}/v1/clients`, {
      headers: { authorization: `Bearer ${TEST_ENVIRONMENT['BOOTSTRAP_ADMIN_KEY']}` },
    }).catch(() => null);
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    await hanging;
    proxy.close();
    await database.drop();
  });
});

describe('the command line', () => {
  it('manages clients and diagnoses the installation', async () => {
    const environment = { DATA_DIR: dataDir };
    const doctor = run('cli', ['doctor', '--json'], environment);
    expect(await doctor.ended).toBe(0);
    const { findings } = JSON.parse(doctor.stdout()) as { findings: { check: string; state: string }[] };
    expect(findings.map(({ check, state }) => `${check} ${state}`)).toEqual(
      ['configuration', 'database', 'migrations', 'key_ring', 'clock', 'rollback', 'event_subscriptions'].map(
        (check) => `${check} ok`,
      ),
    );

    const create = run('cli', ['clients', 'create', '--name', 'by hand', '--role', 'auditor'], environment);
    expect(await create.ended).toBe(0);
    const [id = '', key] = create.stdout().trim().split('\n');
    expect(key).toMatch(/^mtv_/);
    const list = run('cli', ['clients', 'list', '--json'], environment);
    await list.ended;
    expect(JSON.parse(list.stdout()).data).toContainEqual(
      expect.objectContaining({ id, name: 'by hand', role: 'auditor' }),
    );
    expect(list.output()).not.toContain(key);
    expect(await run('cli', ['clients', 'delete', id], environment).ended).toBe(0);

    const wrong = run('cli', ['clients', 'create', '--name', 'x', '--role', 'king'], environment);
    expect(await wrong.ended).toBe(2);
    expect(wrong.output()).toMatch(/--role <role>.*Allowed choices are service, admin, auditor/);
  });

  it('says what keeps a replica from starting', async () => {
    const doctor = run('cli', ['doctor'], { DATA_DIR: dataDir, ROOT_KEY: Buffer.alloc(32, 9).toString('base64') });
    expect(await doctor.ended).toBe(1);
    expect(doctor.output()).toMatch(/^WRONG\s+key ring\s+ROOT_KEY is for another vault/m);
  });

  it('runs the sandbox by itself', async () => {
    const sandbox = run('cli', ['sandbox', '--port', '0'], {});
    expect(await sandbox.says(/THREADS_DIALOG_URL=/)).toMatch(/^META_APP_ID=\d+$/m);
    sandbox.child.kill('SIGTERM');
    expect(await sandbox.ended).toBe(0);
  });
});
