import type { Command } from 'commander';
import { connectDatabase } from '../bootstrap/connect-database.ts';
import { toDatabaseStartupError } from '../bootstrap/startup-error.ts';
import { readDatabase } from '../config/database-settings.ts';
import { EnvironmentReader } from '../config/environment-reader.ts';
import { migrate } from '../database/migrate.ts';
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
  // Needs a session of its own, and nothing behind a pooler.
  const databaseUrl = (database.directUrl ?? url).expose();
  const { dataSource } = await connectDatabase(databaseUrl, { ...database, directUrl: null });
  try {
    const migrations = await migrate(dataSource).catch((error: unknown) => {
      throw toDatabaseStartupError(error, databaseUrl);
    });
    printResult(context, { migrations }, () =>
      migrations.length === 0 ? 'The schema is up to date.' : migrations.map((name) => `ran ${name}`).join('\n'),
    );
  } finally {
    await dataSource.destroy();
  }
}
