import type { Command } from 'commander';
import type { DataSource } from 'typeorm';
import { connectDatabase } from '../bootstrap/connect-database.ts';
import { toDatabaseStartupError, toSchemaError } from '../bootstrap/startup-error.ts';
import { readDatabase } from '../config/database-settings.ts';
import { EnvironmentReader } from '../config/environment-reader.ts';
import { inspectSchema, migrate } from '../database/migrate.ts';
import { type CommandContext, printResult } from './command-context.ts';
import { UsageError } from './command-error.ts';
import { addExamples } from './command-examples.ts';

/** `metavault migrate`: migrates the schema. Runs as the owner of the tables and needs no root key. */
export function addMigrateCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('migrate')
    .description('run pending migrations, as the owner of the tables (see migrations/roles.sql)')
    .action(() => run(context));
  addExamples(command, [
    'DATABASE_URL="$OWNER_URL" metavault migrate',
    'migrate the schema before replicas are upgraded',
  ]);
}

async function run(context: CommandContext): Promise<void> {
  const reader = new EnvironmentReader(context.environment);
  const { databaseUrl: url, database } = readDatabase(reader, false);
  reader.finish();
  if (url === null) {
    throw new UsageError(
      'DATABASE_URL is not set.',
      'Set it to the URL of the database, with the owner of its tables.',
    );
  }
  // Needs a session of its own, so it does not go through a pooler.
  const databaseUrl = (database.directUrl ?? url).expose();
  const { dataSource } = await connectDatabase(databaseUrl, { ...database, directUrl: null });
  try {
    const { migrations, newer } = await migrateUnlessTooNew(dataSource).catch((error: unknown) => {
      throw toDatabaseStartupError(error, databaseUrl);
    });
    printResult(context, { migrations, newer }, () => describe(migrations, newer));
  } finally {
    await dataSource.destroy();
  }
}

/** Throws `StartupError` if this release can't work on the schema. */
async function migrateUnlessTooNew(
  dataSource: DataSource,
): Promise<{ migrations: string[]; newer: readonly string[] }> {
  const { unmet, newer } = await inspectSchema(dataSource);
  if (unmet.length > 0) throw toSchemaError('schema_too_new', unmet);
  return { migrations: await migrate(dataSource), newer };
}

function describe(migrations: readonly string[], newer: readonly string[]): string {
  if (migrations.length > 0) return migrations.map((name) => `ran ${name}`).join('\n');
  if (newer.length === 0) return 'The schema is up to date.';
  return `The schema is newer than this release: ${newer.join(', ')} ran.`;
}
