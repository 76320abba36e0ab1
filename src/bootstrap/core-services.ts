import { DataSource } from 'typeorm';
import type { Config } from '../config/config.ts';
import { CONNECTION_ENTITIES } from '../connections/connections.module.ts';
import { dataSourceOptions } from '../database/data-source-options.ts';
import { Database } from '../database/database.ts';
import { DatabaseClock } from '../database/database-clock.ts';
import { migrate } from '../database/migrate.ts';
import { type Clock, SystemClock } from '../platform/clock.ts';
import { Ids } from '../platform/ids.ts';
import { type Random, SystemRandom } from '../platform/random.ts';
import { KeyRing } from '../vault/keys/key-ring.ts';
import { openRootKeys } from './root-keys.ts';
import { toDatabaseStartupError } from './startup-error.ts';

/**
 * Opened before the Nest application, for a replica and for the command line, so that failures become messages for the
 * operator.
 */
export interface CoreServices {
  dataSource: DataSource;
  database: Database;
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
  overrides?: { clock?: Clock; localClock?: Clock; random?: Random };
}

/**
 * Connects, runs pending migrations, opens the key ring. Throws `StartupError` or `WrongRootKeyError`, with everything
 * closed.
 */
export async function openCoreServices(options: CoreServicesOptions): Promise<CoreServices> {
  const dataSource = await connectDatabase(options.databaseUrl);
  try {
    await migrate(dataSource).catch((error: unknown) => {
      throw toDatabaseStartupError(error, options.databaseUrl);
    });
    return await openCoreServicesOn(dataSource, options);
  } catch (error) {
    await dataSource.destroy();
    throw error;
  }
}

/** Connects without migrating. Throws `StartupError`. */
export async function connectDatabase(databaseUrl: string): Promise<DataSource> {
  const dataSource = new DataSource({ ...dataSourceOptions(databaseUrl), entities: CONNECTION_ENTITIES });
  try {
    return await dataSource.initialize();
  } catch (error) {
    throw toDatabaseStartupError(error, databaseUrl);
  }
}

/**
 * Opens the core services on a migrated database. If it throws `WrongRootKeyError`, the caller must close the data
 * source.
 */
export async function openCoreServicesOn(
  dataSource: DataSource,
  { config, overrides = {} }: Omit<CoreServicesOptions, 'databaseUrl'>,
): Promise<CoreServices> {
  const random = overrides.random ?? new SystemRandom();
  const database = Database.of(dataSource);
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
