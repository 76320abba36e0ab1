import type { DataSourceOptions } from 'typeorm';
import * as migrations from '../../migrations/index.ts';

/**
 * How TypeORM reaches Postgres. Entities are added by the rooms that own them.
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
    uuidExtension: 'pgcrypto',
    installExtensions: false,
    poolSize,
    connectTimeoutMS: 5_000,
    extra: { statement_timeout: 15_000, idle_in_transaction_session_timeout: 30_000, keepAlive: true },
  };
}
