import type { DataSourceOptions } from 'typeorm';
import * as migrations from '../../migrations/index.ts';

const STATEMENT_TIMEOUT_MS = 15_000;

/**
 * Options for TypeORM; the modules that own entities add them. `uuidExtension` and `installExtensions` keep it from
 * creating an extension, for which we have no rights.
 */
export function dataSourceOptions(url: string, poolSize = 10): DataSourceOptions {
  return {
    type: 'postgres',
    url,
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
      keepAlive: true,
    },
  };
}
