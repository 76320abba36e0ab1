import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { listCommands, readProgram } from '../support/cli-reference.ts';
import { type FreshDatabase, freshDatabase } from '../support/fresh-database.ts';
import { freePort } from '../support/http-listener.ts';
import { type CommandResult, runMetavault } from '../support/run-metavault.ts';

const ULID = '01K0000000000000000000000A';
const WITHOUT_DATABASE = ['sandbox', 'completion'];

let folder: string;
const file = (name: string): string => path.join(folder, name);

/** What each command needs to get as far as the database. */
const ARGUMENTS: Readonly<Record<string, () => string[]>> = {
  doctor: () => [],
  migrate: () => [],
  'apps list': () => [],
  'apps add': () => ['1029384756102938', '--name', 'Acme', '--tenants', 'acme', '--secret-file', file('secret')],
  'apps update': () => ['1029384756102938', '--tenants', 'acme'],
  'apps rotate-secret': () => ['1029384756102938', '--secret-file', file('secret')],
  'apps delete': () => ['1029384756102938'],
  'clients create': () => ['--name', 'ops', '--role', 'admin'],
  'clients update': () => [`cli_${ULID}`, '--name', 'ops'],
  'clients list': () => [],
  'clients show': () => [`cli_${ULID}`],
  'clients rotate-key': () => [`cli_${ULID}`],
  'clients delete': () => [`cli_${ULID}`],
  'events list': () => [],
  'events deliveries': () => [`sub_${ULID}`],
  'events replay': () => [`dlv_${ULID}`],
  'events shred': () => ['--tenant', 'acme', '--yes'],
  'keys list': () => [],
  'keys rotate': () => [],
  'keys rewrap': () => [],
  'keys retire': () => [`kek_${ULID}`],
  'keys destroy': () => [`kek_${ULID}`, '--yes'],
  'keys change-root': () => [],
  'connections list': () => [],
  'connections show': () => [`con_${ULID}`],
  'connections refresh': () => [`con_${ULID}`],
  'connections check': () => [`con_${ULID}`],
  'connections update': () => [`con_${ULID}`, '--reference', 'order-1'],
  'connections revoke': () => [`con_${ULID}`, '--yes'],
  'leases list': () => [],
  revoke: () => [`con_${ULID}`, '--yes'],
  refresh: () => [],
  rotate: () => [`con_${ULID}`],
  'console sign-in-link': () => [],
  'audit verify': () => [],
  'audit anchor': () => [],
  'audit export': () => [],
  'audit prune': () => ['--before', '2020-01-01T00:00:00Z', '--export', file('pruned.jsonl')],
  'audit adopt-rows': () => ['--yes'],
  'tenant-hash': () => ['acme'],
  import: () => [file('tokens.csv')],
};

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'metavault-cli-trouble-'));
  writeFileSync(file('secret'), 'secret-of-an-app');
  writeFileSync(file('tokens.csv'), 'tenant,product,access_token\nacme,pages,token-of-a-user\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = (command: string, url: string, ...options: string[]): Promise<CommandResult> =>
  runMetavault({ DATABASE_URL: url }, ...command.split(' '), ...(ARGUMENTS[command]?.() ?? []), ...options);

/** What every command reports, except the doctor, which shows findings instead of failing. */
async function runAll(url: string): Promise<Record<string, unknown>> {
  const commands = Object.keys(ARGUMENTS).filter((command) => command !== 'doctor');
  const results = await Promise.all(
    commands.map(async (command) => {
      const { code, err } = await run(command, url, '--json');
      return [command, [code, JSON.parse(err).error]] as const;
    }),
  );
  return Object.fromEntries(results);
}

const all = (result: unknown): Record<string, unknown> =>
  Object.fromEntries(
    Object.keys(ARGUMENTS)
      .filter((command) => command !== 'doctor')
      .map((command) => [command, result]),
  );

it('is asked of every command', () => {
  const commands = listCommands(readProgram()).map(({ path: words }) => words);
  expect(commands.filter((command) => !WITHOUT_DATABASE.includes(command)).sort()).toEqual(
    Object.keys(ARGUMENTS).sort(),
  );
});

describe('where nothing listens', () => {
  it('each command ends with 1, and says where Postgres was looked for and what to do', async () => {
    const port = await freePort();
    const error = {
      code: 'database_unreachable',
      detail: `DATABASE_URL: Postgres does not answer at 127.0.0.1:${port}/vault (ECONNREFUSED).`,
      remedy: 'Start it, or correct the address.',
    };
    const url = `postgres://vault:password@127.0.0.1:${port}/vault`;
    expect(await runAll(url)).toEqual(all([1, error]));
    const { code, out, err } = await run('keys list', url);
    expect([code, out, err]).toEqual([1, '', `${error.detail} ${error.remedy}`]);
    const doctor = await run('doctor', url);
    expect(doctor.code).toBe(1);
    expect(doctor.out).toContain(`WRONG  database       ${error.detail} ${error.remedy}`);
  });
});

describe('where Postgres is frozen', () => {
  let server: net.Server;
  const sockets: net.Socket[] = [];
  beforeAll(async () => {
    server = net.createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterAll(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  it('each command gives up and says so', async () => {
    const { port } = server.address() as net.AddressInfo;
    expect(await runAll(`postgres://vault@127.0.0.1:${port}/vault`)).toEqual(
      all([1, expect.objectContaining({ code: 'database_unreachable', detail: expect.stringContaining('(timeout)') })]),
    );
  });
});

describe('on a schema', () => {
  const FUTURE = 'Future9999999999999';
  let fresh: FreshDatabase;
  let sql: pg.Client;
  beforeAll(async () => {
    fresh = await freshDatabase();
    sql = new pg.Client({ connectionString: fresh.url });
    await sql.connect();
    await sql.query(`INSERT INTO schema_migration (timestamp, name) VALUES (9999999999999, '${FUTURE}')`);
  });
  afterEach(() => sql.query('DELETE FROM schema_contract'));
  afterAll(async () => {
    await sql?.end();
    await fresh?.drop();
  });

  it('that is newer, commands work, and migrate and doctor say so', async () => {
    const migrated = await run('migrate', fresh.url);
    expect([migrated.code, migrated.out]).toEqual([0, `The schema is newer than this release: ${FUTURE} ran.`]);
    expect((await run('keys list', fresh.url)).code).toBe(0);
    const doctor = JSON.parse((await run('doctor', fresh.url, '--json')).out);
    expect(doctor.findings).toContainEqual(
      expect.objectContaining({ check: 'migrations', state: 'attention', detail: expect.stringContaining(FUTURE) }),
    );
  });

  it('that asks for a newer release, each command ends with 1, and says which', async () => {
    await sql.query(`INSERT INTO schema_contract (migration, needs) VALUES ('${FUTURE}', '${FUTURE}')`);
    const error = {
      code: 'schema_too_new',
      detail: `this release is too old for the schema, which needs a release with ${FUTURE}.`,
      remedy: 'Start a newer release.',
    };
    expect(await runAll(fresh.url)).toEqual(all([1, error]));
    const doctor = JSON.parse((await run('doctor', fresh.url, '--json')).out);
    expect(doctor.findings.at(-1)).toEqual({
      check: 'migrations',
      state: 'wrong',
      detail: error.detail,
      mend: error.remedy,
    });
  });
});
