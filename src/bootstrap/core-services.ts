import type { DataSource } from 'typeorm';
import type { Config } from '../config/config.ts';
import { Database } from '../database/database.ts';
import { DatabaseClock } from '../database/database-clock.ts';
import { inspectSchema, migrate } from '../database/migrate.ts';
import { type Clock, SystemClock } from '../platform/clock.ts';
import { Ids } from '../platform/ids.ts';
import { type Random, SystemRandom } from '../platform/random.ts';
import { KeyRing } from '../vault/keys/key-ring.ts';
import { connectDatabase, type DatabaseConnection } from './connect-database.ts';
import { openRootKeys } from './root-keys.ts';
import { toDatabaseStartupError, toSchemaError } from './startup-error.ts';

/**
 * Opened before the Nest application, for a replica and for the command line, so that failures become messages for the
 * operator.
 */
export interface CoreServices {
  dataSource: DataSource;
  database: Database;
  /** Warnings about the database for the operator, one sentence each. */
  warnings: readonly string[];
  databaseClock: DatabaseClock;
  /** The clock to use: the database's, unless a test passes another. */
  clock: Clock;
  random: Random;
  ids: Ids;
  keyRing: KeyRing;
  close(): Promise<void>;
}

export interface CoreServicesOptions {
  config: Config;
  databaseUrl: string;
  overrides?: { clock?: Clock; localClock?: Clock; random?: Random; databasePatience?: number };
}

/**
 * Connects, runs pending migrations (or requires that there are none), opens the key ring. Throws `StartupError` or
 * `WrongRootKeyError`, with everything closed.
 */
export async function openCoreServices(options: CoreServicesOptions): Promise<CoreServices> {
  const connection = await connectDatabase(options.databaseUrl, options.config.database);
  const { dataSource } = connection;
  try {
    const warnings = [...connection.warnings, ...(await prepareSchema(dataSource, options))];
    return await openCoreServicesOn({ ...connection, warnings }, options);
  } catch (error) {
    await dataSource.destroy();
    throw error;
  }
}

/** Returns warnings about the schema for the operator. Throws `StartupError` if this release can't work on it. */
async function prepareSchema(
  dataSource: DataSource,
  { config, databaseUrl }: CoreServicesOptions,
): Promise<readonly string[]> {
  try {
    const found = await inspectSchema(dataSource);
    const isOutdated = found.missing.length > 0 && config.database.migrateAtStart;
    if (isOutdated) await migrate(dataSource);
    const { missing, newer, unmet } = isOutdated ? await inspectSchema(dataSource) : found;
    if (unmet.length > 0) throw toSchemaError('schema_too_new', unmet);
    if (missing.length > 0) throw toSchemaError('migrations_missing', missing);
    if (newer.length === 0) return [];
    return [`The schema is newer than this release: ${newer.join(', ')} ran. Replace this replica soon.`];
  } catch (error) {
    throw toDatabaseStartupError(error, databaseUrl);
  }
}

/**
 * Opens the core services on a migrated database. If it throws `WrongRootKeyError`, the caller must close the data
 * source.
 */
export async function openCoreServicesOn(
  { dataSource, servers, readable, warnings }: DatabaseConnection,
  { config, overrides = {} }: Omit<CoreServicesOptions, 'databaseUrl'>,
): Promise<CoreServices> {
  const random = overrides.random ?? new SystemRandom();
  const database = Database.of(dataSource, servers, config.database.poolSizes, readable, overrides.databasePatience);
  const databaseClock = await DatabaseClock.start(database, overrides.localClock ?? new SystemClock());
  const clock = overrides.clock ?? databaseClock;
  const ids = new Ids(clock, random);
  const source = { clock, ids, random };
  const rootKeys = await openRootKeys(config.keys, random);
  const keyRing = await KeyRing.open(database, rootKeys.rootKey, rootKeys.previousRootKey, source).catch(
    async (error: unknown) => {
      await rootKeys.close();
      throw error;
    },
  );
  return {
    dataSource,
    database,
    warnings,
    databaseClock,
    clock,
    random,
    ids,
    keyRing,
    close: async () => {
      await rootKeys.close();
      await database.close();
      await dataSource.destroy();
    },
  };
}
