import { chmodSync, chownSync, copyFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { connectDatabase } from '../../../../src/bootstrap/connect-database.ts';
import { StartupError } from '../../../../src/bootstrap/startup-error.ts';
import { type DatabasePasswordConfig, DEFAULT_DATABASE_CONFIG } from '../../../../src/config/database-settings.ts';
import { dataSourceOptions } from '../../../../src/database/data-source-options.ts';
import { Database } from '../../../../src/database/database.ts';
import { findServerUser } from '../../../../src/database/postgres-binaries.ts';
import { DatabaseServers } from '../../../../src/database/servers/database-servers.ts';
import { catchError } from '../../../support/catch-error.ts';
import { type DatabaseServer, startDatabaseServer } from '../../../support/database-server.ts';
import { type CertificateFiles, createAuthority, hasOpenssl, signCertificate } from '../../../support/openssl.ts';

let server: DatabaseServer;

beforeAll(async () => {
  server = await startDatabaseServer();
});
afterAll(async () => server?.close());

/** What a connection reports about itself. */
async function connectTo(url: string): Promise<Record<string, unknown>> {
  const client = await new DatabaseServers(url).connect(5_000);
  const { rows } = await client.query(
    `SELECT ssl, client_dn, inet_server_addr() IS NULL AS socket, current_setting('search_path') AS search_path
     FROM pg_stat_ssl WHERE pid = pg_backend_pid()`,
  );
  await client.end();
  return rows[0];
}

const startupErrorOf = async (url: string, password: DatabasePasswordConfig | null = null): Promise<StartupError> =>
  catchError(StartupError, connectDatabase(url, { ...DEFAULT_DATABASE_CONFIG, password }));

describe('a Unix socket', () => {
  it('is used where the URL names its folder, without TLS', async () => {
    const url = `postgres://postgres:${server.password}@/postgres?host=${server.folder}&port=${server.port}`;
    expect(await connectTo(url)).toMatchObject({ socket: true, ssl: false });
    expect(await connectTo(`${url}&sslmode=require&options=-c%20search_path%3Dvault`)).toMatchObject({
      socket: true,
      search_path: 'vault',
    });
    expect(await startupErrorOf('postgres://u@/d?host=/nowhere')).toMatchObject({ code: 'database_unreachable' });
  });
});

const describeTls = hasOpenssl ? describe : describe.skip;

describeTls(`TLS${hasOpenssl ? '' : ' [skipped: openssl is not installed]'}`, () => {
  let authority: CertificateFiles;
  let stranger: CertificateFiles;
  let user: CertificateFiles;
  const url = (host: string, query: string): string =>
    `postgres://postgres:${server.password}@${host}:${server.port}/postgres?${query}`;

  beforeAll(async () => {
    const { folder } = server;
    authority = createAuthority(folder, 'authority');
    stranger = createAuthority(folder, 'stranger');
    user = signCertificate(authority, folder, 'metavault');
    const own = signCertificate(authority, folder, 'server', ['DNS:localhost']);
    const serverUser = findServerUser();
    for (const file of [own.key, own.cert, authority.cert]) {
      chmodSync(file, 0o600);
      if (serverUser !== undefined) chownSync(file, serverUser.uid, serverUser.gid);
    }
    const files = { ssl_cert_file: own.cert, ssl_key_file: own.key, ssl_ca_file: authority.cert };
    await server.configure({ ssl: 'on', ...files });
  });

  it('verify-full checks the authority and the host', async () => {
    const full = `sslmode=verify-full&sslrootcert=${authority.cert}`;
    expect(await connectTo(url('localhost', full))).toMatchObject({ ssl: true });
    for (const refused of [
      url('127.0.0.1', full),
      url('localhost', `sslmode=verify-full&sslrootcert=${stranger.cert}`),
      url('localhost', 'sslmode=verify-full'),
    ])
      expect(await startupErrorOf(refused)).toMatchObject({ code: 'database_tls_failed' });
  });

  it('verify-ca checks the authority only, require nothing, and disable goes without', async () => {
    expect(await connectTo(url('127.0.0.1', `sslmode=verify-ca&sslrootcert=${authority.cert}`))).toMatchObject({
      ssl: true,
    });
    const refused = url('127.0.0.1', `sslmode=verify-ca&sslrootcert=${stranger.cert}`);
    expect(await startupErrorOf(refused)).toMatchObject({ code: 'database_tls_failed' });
    expect(await connectTo(url('127.0.0.1', 'sslmode=require'))).toMatchObject({ ssl: true });
    expect(await connectTo(url('127.0.0.1', 'sslmode=disable'))).toMatchObject({ ssl: false });
  });

  it('shows a client certificate, which may be renewed while we run', async () => {
    const current = { cert: path.join(server.folder, 'current.crt'), key: path.join(server.folder, 'current.key') };
    const use = ({ cert, key }: CertificateFiles): void => {
      copyFileSync(cert, current.cert);
      copyFileSync(key, current.key);
    };
    use(user);
    const query = `sslmode=verify-full&sslrootcert=${authority.cert}&sslcert=${current.cert}&sslkey=${current.key}`;
    const servers = new DatabaseServers(url('localhost', query));
    const readName = async (): Promise<unknown> => {
      const client = await servers.connect(5_000);
      const { rows } = await client.query('SELECT client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
      await client.end();
      return rows[0];
    };
    expect(await readName()).toEqual({ client_dn: '/CN=metavault' });
    use(signCertificate(authority, server.folder, 'renewed'));
    expect(await readName()).toEqual({ client_dn: '/CN=renewed' });
  });
});

describe('the password', () => {
  const place = (): string => `postgres@127.0.0.1:${server.port}/postgres`;
  const file = (): string => path.join(server.folder, 'password');
  const change = async (password: string): Promise<void> => {
    await server.sql(`ALTER ROLE rotated PASSWORD '${password}'`);
    writeFileSync(file(), `${password}\n`);
  };
  beforeAll(async () => {
    writeFileSync(file(), 'first\n');
    await server.sql(`CREATE ROLE rotated LOGIN PASSWORD 'first'`);
  });

  it.each<[string, () => DatabasePasswordConfig]>([
    ['a file', () => ({ file: file() })],
    ['a command', () => ({ command: `cat ${file()}` })],
  ])('of %s is asked anew for new connections, so a rotation fails no request', async (_, config) => {
    const url = `postgres://rotated@127.0.0.1:${server.port}/postgres`;
    const source = await new DataSource(dataSourceOptions(new DatabaseServers(url, config()), 3)).initialize();
    const database = Database.of(source);
    const one = { text: 'SELECT 1 AS one' };
    try {
      expect(await database.longRunning.rows(one)).toEqual([{ one: 1 }]);
      for (const password of ['second', 'third']) {
        await change(password);
        // Holds a connection, so that others are needed.
        await database.longRunning.transaction(async () => {
          expect(await Promise.all([database.longRunning.rows(one), database.longRunning.rows(one)])).toEqual([
            [{ one: 1 }],
            [{ one: 1 }],
          ]);
        });
        await server.sql(`SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'rotated'`);
      }
    } finally {
      await database.close();
      await source.destroy();
    }
  });

  it('that is wrong or missing is told without it', async () => {
    const answers: StartupError[] = [];
    for (const password of [
      { command: 'echo hush; echo hush >&2; exit 3' },
      { command: 'true' },
      { file: '/nowhere/hush' },
      null,
      { command: 'echo hush' },
    ])
      answers.push(await startupErrorOf(`postgres://${place()}`, password));
    expect(answers.map(({ code }) => code)).toEqual([
      ...Array.from({ length: 4 }, () => 'database_password_unavailable'),
      'database_login_failed',
    ]);
    expect(String(answers[0])).toContain('DATABASE_PASSWORD_COMMAND failed (3).');
    for (const answer of answers) expect(String(answer)).not.toContain('hush');
  });
});
