import path from 'node:path';
import { openStores, type Stores } from '../bootstrap/core-services.ts';
import { databaseFailure, StartFailure } from '../bootstrap/startup-error.ts';
import type { Config } from '../config/config.ts';
import { developmentKeys } from '../config/development-keys.ts';
import type { Environment } from '../config/environment-reader.ts';
import { loadConfig } from '../config/load-config.ts';
import { startEmbeddedPostgres } from '../database/embedded-postgres.ts';
import { AppError } from '../platform/problem.ts';
import { SystemRandom } from '../platform/random.ts';

/** What a command gets from the process it runs in. */
export interface CommandContext {
  environment: Environment;
  /** One line, or several, on standard output. */
  print(text: string): void;
  /** Resolves when what was printed has been taken up; false where nobody reads on. Absent: everything is taken up at once. */
  drained?(): Promise<boolean>;
}

/** Of the app that fills the place of one that is not configured. No app of Meta's has it. */
export const STAND_IN_APP_ID = '0';

/**
 * The configuration of this command. Commands that call nobody at Meta need no app: where none is given outside of production,
 * a stand-in fills its place, as the sandbox would.
 */
export function commandConfig(environment: Environment): Config {
  const isProduction = environment['NODE_ENV']?.trim() === 'production';
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => (value?.trim() ?? '') !== ''));
  if (isProduction) return loadConfig(given);
  const hasApp = given['META_APP_ID'] !== undefined || given['META_APP_SECRET'] !== undefined;
  const standIn: Environment = hasApp ? {} : { META_APP_ID: STAND_IN_APP_ID, META_APP_SECRET: 'sandbox' };
  const keys = developmentKeys(given, given['DATA_DIR'] ?? './data', new SystemRandom());
  return loadConfig({ ...standIn, ...given, ...keys.variables });
}

/** Whether a Meta app is configured, and not only a stand-in for one. */
export function hasMetaApp(config: Config): boolean {
  return config.meta.app.id !== STAND_IN_APP_ID;
}

/** Runs `work` with the address of the configured database, or of the embedded one, which is started for it and stopped again. */
export async function withDatabase<T>(config: Config, work: (databaseUrl: string) => Promise<T>): Promise<T> {
  if (config.databaseUrl !== null) return work(config.databaseUrl.expose());
  const directory = path.join(config.dataDir, 'postgres');
  // Whoever forgot DATABASE_URL must see that this is another vault.
  process.stderr.write(`DATABASE_URL is not set: this works on the embedded database in ${path.resolve(directory)}.\n`);
  const embedded = await startEmbeddedPostgres({ directory, random: new SystemRandom() });
  try {
    return await work(embedded.url);
  } finally {
    await embedded.stop();
  }
}

/** Runs `work` on the migrated database with its key ring open. */
export function withStores<T>(config: Config, work: (stores: Stores) => Promise<T>): Promise<T> {
  return withDatabase(config, async (databaseUrl) => {
    const stores = await openStores({ config, databaseUrl });
    try {
      return await work(stores).catch((error: unknown) => {
        throw lossInWords(error, databaseUrl);
      });
    } finally {
      await stores.close();
    }
  });
}

/** A database that goes away in the middle, in words; anything else as it is. */
export function lossInWords(error: unknown, databaseUrl: string): unknown {
  return error instanceof StartFailure || error instanceof AppError ? error : databaseFailure(error, databaseUrl);
}

/** Rows as a table for people. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
