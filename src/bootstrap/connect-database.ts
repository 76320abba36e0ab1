import { DataSource } from 'typeorm';
import type { DatabaseConfig } from '../config/database-settings.ts';
import { CONNECTION_ENTITIES } from '../connections/connections.module.ts';
import { dataSourceOptions } from '../database/data-source-options.ts';
import { DatabaseServers } from '../database/servers/database-servers.ts';
import { inspectPooler } from '../database/servers/pooler.ts';
import type { ReadableStandby } from '../database/standby/readable-standby.ts';
import { SystemRandom } from '../platform/random.ts';
import { StartupError, toDatabaseStartupError } from './startup-error.ts';

export interface DatabaseConnection {
  /** Connected directly, for migrations, entities, and long work. */
  dataSource: DataSource;
  /** The servers of `DATABASE_URL`, perhaps behind a pooler. */
  servers: DatabaseServers;
  /** A standby to read from. Null: none. */
  readable: ReadableStandby | null;
  /** Warnings for the operator, one sentence each. */
  warnings: readonly string[];
}

/** Connects without migrating, and detects the pooler, if any. Throws `StartupError`. */
export async function connectDatabase(databaseUrl: string, config: DatabaseConfig): Promise<DatabaseConnection> {
  const servers = await openServers('DATABASE_URL', databaseUrl, config);
  const directUrl = config.directUrl?.expose() ?? null;
  const direct = directUrl === null ? servers : await openServers('DATABASE_DIRECT_URL', directUrl, config);
  requireSessions(direct, directUrl === null);
  const readable = openReadable(config);
  const dataSource = new DataSource({
    ...dataSourceOptions(direct, config.poolSizes.background),
    entities: CONNECTION_ENTITIES,
  });
  try {
    await dataSource.initialize();
  } catch (error) {
    throw toDatabaseStartupError(error, directUrl ?? databaseUrl);
  }
  return { dataSource, servers, readable, warnings: warningsOf(servers) };
}

async function openServers(setting: string, url: string, { password }: DatabaseConfig): Promise<DatabaseServers> {
  try {
    const servers = new DatabaseServers(url, password);
    servers.pooler = await inspectPooler(servers, new SystemRandom());
    return servers;
  } catch (error) {
    throw toDatabaseStartupError(error, url, setting);
  }
}

/** Connects on first use, because the service also starts without its standby. */
function openReadable({ readUrl, readWaitMs, password }: DatabaseConfig): ReadableStandby | null {
  if (readUrl === null) return null;
  try {
    const servers = new DatabaseServers(readUrl.expose(), password);
    // No pooler is detected here: these settings work with every pooler, and without one.
    servers.pooler = { mode: 'transaction', keepsPrepared: false };
    return { servers, waitMs: readWaitMs };
  } catch (error) {
    throw toDatabaseStartupError(error, readUrl.expose(), 'DATABASE_READ_URL');
  }
}

function requireSessions({ pooler, place }: DatabaseServers, isOnlyUrl: boolean): void {
  if (pooler.mode !== 'transaction') return;
  const setting = isOnlyUrl ? 'DATABASE_URL' : 'DATABASE_DIRECT_URL';
  const what = `the pooler at ${place} lends a session for each transaction, but migrations and long work need one of their own.`;
  throw new StartupError({
    code: 'database_pooler_unfit',
    detail: `${setting}: ${what}`,
    remedy: 'Set DATABASE_DIRECT_URL to Postgres itself, or use session pooling.',
  });
}

function warningsOf({ pooler, place }: DatabaseServers): string[] {
  if (pooler.keepsPrepared) return [];
  return [
    `DATABASE_URL: the pooler at ${place} keeps no prepared statements, so Postgres plans each lease anew. ` +
      'Set max_prepared_statements (PgBouncer 1.21 or newer), or use session pooling.',
  ];
}
