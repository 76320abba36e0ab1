import path from 'node:path';
import type { INestApplicationContext } from '@nestjs/common';
import { openApplicationContext } from '../bootstrap/application-context.ts';
import { StartupError, toDatabaseStartupError } from '../bootstrap/startup-error.ts';
import type { Config } from '../config/config.ts';
import { loadDevelopmentKeys } from '../config/development-keys.ts';
import type { Environment } from '../config/environment-reader.ts';
import { loadConfig } from '../config/load-config.ts';
import { startEmbeddedPostgres } from '../database/embedded-postgres.ts';
import { SystemRandom } from '../platform/random.ts';
import { explainProblems } from './operator.ts';

/** What a command gets from the process it runs in. */
export interface CommandContext {
  environment: Environment;
  /** One line, or several, on standard output. */
  print(text: string): void;
  /** Resolves when the output has been consumed; false if nobody reads it any more. Absent: output is consumed at once. */
  waitUntilDrained?(): Promise<boolean>;
}

/** The id of the placeholder app that is used if none is configured. No app of Meta's has it. */
export const PLACEHOLDER_APP_ID = '0';

/**
 * The configuration of this command. Commands that never call Meta need no app: outside of production, a placeholder is used if none is
 * configured, as with the sandbox.
 */
export function loadCommandConfig(environment: Environment): Config {
  const isProduction = environment['NODE_ENV']?.trim() === 'production';
  const settings = Object.fromEntries(Object.entries(environment).filter(([, value]) => (value?.trim() ?? '') !== ''));
  if (isProduction) return loadConfig(settings);
  const hasApp = settings['META_APP_ID'] !== undefined || settings['META_APP_SECRET'] !== undefined;
  const placeholder: Environment = hasApp ? {} : { META_APP_ID: PLACEHOLDER_APP_ID, META_APP_SECRET: 'sandbox' };
  const keys = loadDevelopmentKeys(settings, settings['DATA_DIR'] ?? './data', new SystemRandom());
  return loadConfig({ ...placeholder, ...settings, ...keys.variables });
}

/** Whether a Meta app is configured, not only the placeholder. */
export function hasMetaApp(config: Config): boolean {
  return config.meta.app.id !== PLACEHOLDER_APP_ID;
}

/** Runs `work` with the address of the configured database, or of the embedded one, which is started for it and stopped again. */
export async function withDatabase<T>(config: Config, work: (databaseUrl: string) => Promise<T>): Promise<T> {
  if (config.databaseUrl !== null) return work(config.databaseUrl.expose());
  const directory = path.join(config.dataDir, 'postgres');
  // An operator who forgot DATABASE_URL must see that this is another vault.
  process.stderr.write(`DATABASE_URL is not set: this works on the embedded database in ${path.resolve(directory)}.\n`);
  const embedded = await startEmbeddedPostgres({ directory, random: new SystemRandom() });
  try {
    return await work(embedded.url);
  } finally {
    await embedded.stop();
  }
}

/**
 * Runs `work` on the modules of a replica, without its HTTP server and background jobs; services come from `app.get`. The database is
 * migrated and the key ring open. Refusals of a service become `StartupError`.
 */
export function withApplicationContext<T>(
  config: Config,
  work: (app: INestApplicationContext) => Promise<T>,
): Promise<T> {
  return withDatabase(config, async (databaseUrl) => {
    const { app, close } = await openApplicationContext(config, databaseUrl);
    try {
      return await explainProblems(() => work(app)).catch((error: unknown) => {
        throw toConnectionLossError(error, databaseUrl);
      });
    } finally {
      await close();
    }
  });
}

/** A lost database connection as a `StartupError`; anything else as it is. */
function toConnectionLossError(error: unknown, databaseUrl: string): unknown {
  return error instanceof StartupError ? error : toDatabaseStartupError(error, databaseUrl);
}

/** Rows as a table for people. */
export function formatTable(rows: readonly (readonly string[])[]): string {
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
