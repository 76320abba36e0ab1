import { chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/database/embedded-postgres.ts';
import { findServerUser } from '../../src/database/postgres-binaries.ts';
import { SystemRandom } from '../../src/platform/random.ts';
import { databaseParentFolder } from './memory-folder.ts';

/** A Postgres of its own, for tests that change its settings. */
export interface DatabaseServer {
  url: string;
  port: number;
  password: string;
  /** Contains the socket; owned by the server's user. */
  folder: string;
  /** Runs statements as the superuser, each by itself. */
  sql(...statements: string[]): Promise<void>;
  /** Changes settings of all sessions, open ones included. */
  configure(settings: Readonly<Record<string, string>>): Promise<void>;
  close(): Promise<void>;
}

/** Starts a server with an empty database, which takes about 1.5 s. */
export async function startDatabaseServer(settings: Record<string, string> = {}): Promise<DatabaseServer> {
  const base = mkdtempSync(path.join(databaseParentFolder(), 'metavault-server-'));
  const folder = path.join(base, 'shared');
  mkdirSync(folder, { mode: 0o755 });
  const user = findServerUser();
  for (const each of [base, folder]) if (user !== undefined) chownSync(each, user.uid, user.gid);
  const postgres = await startEmbeddedPostgres({
    directory: path.join(base, 'server'),
    random: new SystemRandom(),
    ephemeral: true,
    settings: { unix_socket_directories: folder, ...settings },
  });
  const { port, password } = new URL(postgres.url);
  const sql = async (...statements: string[]): Promise<void> => {
    const client = new pg.Client({ connectionString: postgres.url });
    await client.connect();
    try {
      for (const statement of statements) await client.query(statement);
    } finally {
      await client.end();
    }
  };
  return {
    url: postgres.url,
    port: Number(port),
    password,
    folder,
    sql,
    configure: (changes) =>
      sql(
        ...Object.entries(changes).map(([name, value]) => `ALTER SYSTEM SET ${name} = '${value}'`),
        'SELECT pg_reload_conf()',
      ),
    close: async () => {
      await postgres.stop();
      rmSync(base, { recursive: true, force: true });
    },
  };
}
