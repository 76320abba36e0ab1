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
import type { ProgressTerminal } from './terminal/progress.ts';

/** What `--json` prints as `{"notice": …}` on one line of standard error. */
interface Notice {
  code: 'embedded_database' | 'stopping' | 'unconfirmed';
  detail: string;
  remedy: string;
}

/** What a command gets from the process it runs in. */
export interface CommandContext {
  environment: Environment;
  /** Whether `--json` was given: standard output gets one JSON document and standard error JSON lines. */
  isJson: boolean;
  /** Where progress is shown; null with `--json` and where standard error is not a terminal. */
  progressTerminal: ProgressTerminal | null;
  /** Writes one line or several to standard output. */
  print(text: string): void;
  /** Writes to standard error what the operator should know while the command runs. */
  notify(notice: Notice): void;
  /** Resolves once the output has been read; to false if its reader is gone. Absent: output is read at once. */
  waitUntilDrained?(): Promise<boolean>;
}

/** Prints a result: the document with `--json`, otherwise its text. */
export function printResult(
  { isJson, print }: Pick<CommandContext, 'isJson' | 'print'>,
  document: object,
  toText: () => string,
): void {
  print(isJson ? JSON.stringify(document, null, 2) : toText());
}

/** The app id used if none is configured. No app at Meta has it. */
const PLACEHOLDER_APP_ID = '0';

/**
 * Reads the configuration of a command. Outside of production a placeholder stands in for an app that is not
 * configured, because most commands never call Meta.
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

/** Whether a Meta app is configured. */
export function hasMetaApp(config: Config): boolean {
  return config.meta.app.id !== PLACEHOLDER_APP_ID;
}

/**
 * Runs `work` with the address of the configured database, or of the embedded one, which runs for as long as `work`
 * does.
 */
export async function withDatabase<T>(
  { notify }: CommandContext,
  config: Config,
  work: (databaseUrl: string) => Promise<T>,
): Promise<T> {
  if (config.databaseUrl !== null) return work(config.databaseUrl.expose());
  const directory = path.join(config.dataDir, 'postgres');
  // An operator who forgot DATABASE_URL must see that this is a different vault.
  notify({
    code: 'embedded_database',
    detail: `DATABASE_URL is not set: using the embedded database in ${path.resolve(directory)}.`,
    remedy: 'Set DATABASE_URL to work on another one.',
  });
  const embedded = await startEmbeddedPostgres({ directory, random: new SystemRandom() });
  try {
    return await work(embedded.url);
  } finally {
    await embedded.stop();
  }
}

/**
 * Runs `work` on the modules of a replica, without its HTTP server and jobs; get services by `app.get`. The database is
 * migrated and the key ring open. An `AppError` of a service becomes a `StartupError`.
 */
export function withApplicationContext<T>(
  context: CommandContext,
  config: Config,
  work: (app: INestApplicationContext) => Promise<T>,
): Promise<T> {
  return withDatabase(context, config, async (databaseUrl) => {
    const { app, close } = await openApplicationContext(config, databaseUrl);
    try {
      return await explainProblems(() => work(app)).catch((error: unknown) => {
        throw error instanceof StartupError ? error : toDatabaseStartupError(error, databaseUrl);
      });
    } finally {
      await close();
    }
  });
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
