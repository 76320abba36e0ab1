import type { Command } from 'commander';
import { connectDatabase } from '../bootstrap/core-services.ts';
import { toDatabaseStartupError } from '../bootstrap/startup-error.ts';
import { migrate } from '../database/migrate.ts';
import type { CommandContext } from './command-context.ts';
import { UsageError } from './command-error.ts';

/** `metavault migrate`: migrates the schema as the user that owns it, who needs no key of the vault for that. */
export function addMigrateCommand(program: Command, { environment, print }: CommandContext): void {
  program
    .command('migrate')
    .description(
      'run what migrations are missing, where the replicas run as a user that may not (migrations/roles.sql)',
    )
    .action(async () => {
      const databaseUrl = environment['DATABASE_URL']?.trim() ?? '';
      if (databaseUrl === '') {
        throw new UsageError(
          'DATABASE_URL is missing: give the address of the database, with the user that owns its tables.',
        );
      }
      const dataSource = await connectDatabase(databaseUrl);
      try {
        const done = await migrate(dataSource).catch((error: unknown) => {
          throw toDatabaseStartupError(error, databaseUrl);
        });
        print(done.length === 0 ? 'The schema is up to date.' : done.map((name) => `ran ${name}`).join('\n'));
      } finally {
        await dataSource.destroy();
      }
    });
}
