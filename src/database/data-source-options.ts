import type { DataSource, DataSourceOptions } from 'typeorm';
import * as migrations from '../../migrations/index.ts';
import { DatabaseServers } from './servers/database-servers.ts';

const STATEMENT_TIMEOUT_MS = 15_000;

/**
 * Options for TypeORM; the modules that own entities add them. `uuidExtension` and `installExtensions` keep it from
 * creating an extension, which we have no privilege to do.
 */
export function dataSourceOptions(target: string | DatabaseServers, poolSize = 10): DataSourceOptions {
  const servers = typeof target === 'string' ? new DatabaseServers(target) : target;
  return {
    type: 'postgres',
    driver: servers.driver,
    applicationName: 'metavault',
    entities: [],
    migrations: Object.values(migrations),
    migrationsTableName: 'schema_migration',
    migrationsTransactionMode: 'each',
    synchronize: false,
    // Failures are thrown anyway. Other loggers write failed migrations to stdout, which is reserved for our own log
    // lines.
    logger: 'debug',
    uuidExtension: 'pgcrypto',
    installExtensions: false,
    poolSize,
    connectTimeoutMS: 5_000,
    extra: {
      statement_timeout: STATEMENT_TIMEOUT_MS,
      // Longer than `statement_timeout`: a connection still silent by then is dead.
      query_timeout: STATEMENT_TIMEOUT_MS + 5_000,
      idle_in_transaction_session_timeout: 30_000,
    },
  };
}

/** The servers of a data source with these options. */
export function serversOf({ options }: DataSource): DatabaseServers {
  return (options as unknown as { driver: DatabaseServers['driver'] }).driver.servers;
}
