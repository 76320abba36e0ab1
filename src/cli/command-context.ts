import path from 'node:path';
import type { Config } from '../config/config.ts';
import { developmentKeys } from '../config/development-keys.ts';
import type { Environment } from '../config/environment-reader.ts';
import { loadConfig } from '../config/load-config.ts';
import { startEmbeddedPostgres } from '../database/embedded-postgres.ts';
import { SystemRandom } from '../platform/random.ts';
import { openStores, type Stores } from '../stores.ts';

/** What a command gets from the process it runs in. */
export interface CommandContext {
  environment: Environment;
  /** One line, or several, on standard output. */
  print(text: string): void;
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

/** Runs `work` with the address of the configured database, or of the embedded one, which is started for it and stopped again. */
export async function withDatabase<T>(config: Config, work: (databaseUrl: string) => Promise<T>): Promise<T> {
  if (config.databaseUrl !== null) return work(config.databaseUrl.expose());
  const embedded = await startEmbeddedPostgres({
    directory: path.join(config.dataDir, 'postgres'),
    random: new SystemRandom(),
  });
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
      return await work(stores);
    } finally {
      await stores.close();
    }
  });
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
