import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Database } from '../../src/database/database.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { type ChildReplica, startChildReplica } from '../support/child-replica.ts';
import { api, createServiceClient } from '../support/connect-test-context.ts';
import { freePort, type Listener, listen } from '../support/http-listener.ts';
import { startTestReplica, TEST_ADMIN_KEY, type TestReplica } from '../support/test-replica.ts';
import { startTestSandbox } from '../support/test-sandbox.ts';
import { type Receiver, startReceiver } from '../support/webhook-receiver.ts';

jest.setTimeout(600_000);

const ROOT = path.resolve(import.meta.dirname, '../..');
/** The full goal is CALLS=10000 LEASE_ENDS=50; the default is a small run of the same. */
const { CALLS = '300', LEASE_ENDS = '6' } = process.env;
const CLIENT = path.join(ROOT, 'clients/python');
const JOB = path.join(ROOT, 'examples/python/job.py');

const canRun = (code: string): boolean => spawnSync('python3', ['-c', code]).status === 0;
const HAS_PYTHON = canRun('import sys; sys.exit(sys.version_info < (3, 10))');
const HAS_PIP = HAS_PYTHON && canRun('import pip');
const SKIPPED = HAS_PYTHON ? '' : ' [skipped: no python3 of 3.10 or later]';
const SKIPPED_PIP = HAS_PIP ? '' : ' [skipped: python3 has no pip]';

interface Run {
  status: number | null;
  output: string;
}

/** Python without the user's packages, which leaves no compiled files behind. */
async function python(args: string[], environment: Record<string, string> = {}, cwd = CLIENT): Promise<Run> {
  const child = spawn('python3', args, {
    cwd,
    env: { PATH: process.env['PATH'], HOME: folder, PYTHONPYCACHEPREFIX: path.join(folder, 'cache'), ...environment },
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await once(child, 'close');
  return { status: child.exitCode, output };
}

const folder = mkdtempSync(path.join(os.tmpdir(), 'metavault-python-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

(HAS_PYTHON ? describe : describe.skip)(`clients/python${SKIPPED}`, () => {
  let sandbox: Sandbox;
  let origin: TestReplica;
  let replica: ChildReplica;
  let receiver: Receiver;
  let control: Listener;
  let environment: Record<string, string>;

  beforeAll(async () => {
    sandbox = await startTestSandbox();
    origin = await startTestReplica({ environment: sandbox.environment() });
    receiver = await startReceiver();
    const port = String(await freePort());
    const url = `http://127.0.0.1:${port}`;
    const start = (): Promise<ChildReplica> =>
      startChildReplica({ ...sandbox.environment(), DATABASE_URL: origin.databaseUrl, PORT: port, PUBLIC_URL: url });
    replica = await start();
    for (const tenant of ['acme', 'returns']) await connect(tenant);
    const restart = async (): Promise<boolean> => {
      await replica.kill();
      replica = await start();
      return true;
    };
    const actions: Record<string, () => Promise<unknown>> = { restart, leases: countLeases, delivery };
    control = await listen((request, response) => {
      const action = actions[(request.url ?? '').slice(1)] ?? (async () => null);
      action().then(
        (answer) => response.end(JSON.stringify(answer)),
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
    });
    environment = {
      PYTHONPATH: path.join(CLIENT, 'src'),
      METAVAULT_URL: url,
      CONTROL_URL: control.url,
      SERVICE_KEY: (await createServiceClient({ replica: origin })).key,
      SHORT_KEY: (await createServiceClient({ replica: origin }, { max_ttl_seconds: 3 })).key,
      ADMIN_KEY: TEST_ADMIN_KEY,
      CALLS,
      LEASE_ENDS,
    };
  });
  afterAll(async () => {
    await control?.close();
    await replica?.kill();
    await receiver?.close();
    await origin?.close();
    await sandbox?.close();
  });

  async function connect(tenant: string): Promise<void> {
    const user = sandbox.state.make.user();
    sandbox.state.make.page({ userIds: [user.id], name: `Page of ${tenant}` });
    const { accessToken } = sandbox.state.make.token({ userId: user.id });
    const body = { tenant, product: 'pages', access_token: accessToken };
    expect((await api({ replica: origin }).post('/v1/connections/import', body)).status).toBe(201);
  }

  async function countLeases(): Promise<number> {
    const text = 'SELECT count(*)::int AS leases FROM lease';
    const [row] = await origin.app.get(Database).rows<{ leases: number }>({ text });
    return row?.leases ?? 0;
  }

  /** What the service sends to a subscriber, and the secret it is signed with. */
  async function delivery(): Promise<{ secret: string; headers: IncomingHttpHeaders; body: string }> {
    const call = api({ replica: origin });
    const made = await call.post('/v1/subscriptions', { url: receiver.url, events: ['connection.revoked'] });
    await call.post(`/v1/subscriptions/${made.body.id}/test`, {});
    const { headers = {}, body = '' } = (await receiver.waitFor(receiver.received.length)).at(-1) ?? {};
    return { secret: made.body.secret, headers, body };
  }

  it('compiles, and passes its own tests without a warning', async () => {
    const compiled = await python(['-W', 'error', '-m', 'compileall', '-q', '.', path.dirname(JOB)]);
    expect(compiled).toEqual({ status: 0, output: '' });
    const tested = await python(['-W', 'error', '-m', 'unittest', '-q'], {
      PYTHONPATH: environment['PYTHONPATH'] ?? '',
    });
    expect(tested).toMatchObject({ status: 0, output: expect.stringMatching(/\nOK/) });
  });

  it('works with the service: leases that end, expire and are asked for at once, kills, events', async () => {
    // Not earlier, because the example takes leases for every existing connection.
    await connect('leaves');
    const tested = await python(['-W', 'error', '-m', 'unittest', '-v', 'tests.test_service'], environment);
    expect(tested).toMatchObject({ status: 0, output: expect.stringMatching(/\nOK\n$/) });
  });

  it('has an example of a job under 60 lines that reads Pages, and makes a link for who has to log in again', async () => {
    expect(readFileSync(JOB, 'utf8').split('\n').length).toBeLessThan(60);
    await origin.app.get(Database).run({
      text: `UPDATE connection SET status = 'reauth_required' WHERE tenant = 'returns'`,
    });
    const key = environment['SERVICE_KEY'] ?? '';
    const { status, output } = await python([JOB], { ...environment, METAVAULT_KEY: key }, folder);
    expect(output).toContain('acme: Page of acme\n');
    expect(output).toMatch(/^returns has to log in again: http:\S+\/connect\/\S+$/m);
    expect({ status, output }).toMatchObject({ status: 0 });
  });

  it('does what docs/clients.md says', async () => {
    const [, chapter = ''] = readFileSync(path.join(ROOT, 'docs/clients.md'), 'utf8').split(/^## Python$/m);
    const blocks = [...chapter.matchAll(/^```py\n([\s\S]*?)^```$/gm)].map(([, block]) => block);
    expect(blocks).toHaveLength(2);
    const { secret, headers, body } = await delivery();
    const calls = `print(receive(${JSON.stringify(body)}.encode(), ${JSON.stringify(headers)}), receive(b"", {}))`;
    const program = [...blocks, calls].join('\n');
    const ran = await python(['-c', program], { ...environment, METAVAULT_WEBHOOK_SECRET: secret }, folder);
    expect(ran.output).toMatch(
      /^\d+_\d+\nconnection_not_found \S.* None req_\w+ None[\n]evt_\w+ subscription\.test \{.*\}\n204 401\n$/,
    );
  });

  (HAS_PIP ? it : it.skip)(`is packed as a wheel that works in an empty folder${SKIPPED_PIP}`, async () => {
    const pip = ['-m', 'pip', '--isolated', '--disable-pip-version-check', '-q'];
    const wheels = path.join(folder, 'wheels');
    const options = ['--no-index', '--no-deps', '--no-build-isolation', '-w', wheels];
    expect(await python([...pip, 'wheel', ...options, CLIENT])).toMatchObject({ status: 0 });
    const [wheel = ''] = readdirSync(wheels);
    expect(wheel).toBe('metavault-0.1.0-py3-none-any.whl');
    const target = path.join(folder, 'installed');
    const installed = await python([...pip, 'install', '--no-index', '--target', target, path.join(wheels, wheel)]);
    expect(installed).toMatchObject({ status: 0 });
    expect(readdirSync(path.join(target, 'metavault'))).toContain('py.typed');
    const program = `import os, metavault
client = metavault.Metavault(os.environ["METAVAULT_URL"], os.environ["SERVICE_KEY"])
print(metavault.__file__, client.graph(tenant="acme", product="pages").get("me")["id"])`;
    const ran = await python(['-c', program], { ...environment, PYTHONPATH: target }, folder);
    expect(ran.output).toMatch(new RegExp(`^${target}/metavault/__init__.py \\d+\\n$`));
  });
});
