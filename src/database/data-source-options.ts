import type { DataSourceOptions } from 'typeorm';
import * as migrations from '../../migrations/index.ts';

const STATEMENT_TIMEOUT_MS = 15_000;

/**
 * How TypeORM reaches Postgres. The modules that own entities add them.
 * `uuidExtension` and `installExtensions`: TypeORM would otherwise try to create an extension, which needs rights we do not ask for.
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
    // Every failure is thrown as well; the other loggers write failed migrations to standard output, which is reserved for our own lines.
    logger: 'debug',
    uuidExtension: 'pgcrypto',
    installExtensions: false,
    poolSize,
    connectTimeoutMS: 5_000,
    extra: {
      statement_timeout: STATEMENT_TIMEOUT_MS,
      // Longer than Postgres may take: a connection without a response by then is dead, and is given up.
      query_timeout: STATEMENT_TIMEOUT_MS + 5_000,
      idle_in_transaction_session_timeout: 30_000,
      keepAlive: true,
    },
  };
}
