import type { Command } from 'commander';
import { openCoreServices } from '../../bootstrap/core-services.ts';
import { adoptRows } from '../../bootstrap/row-mac-step.ts';
import { createLogger } from '../../platform/logger.ts';
import { type CommandContext, loadCommandConfig, withDatabase } from '../command-context.ts';
import { OPERATOR } from '../operator.ts';
import { confirm } from '../terminal/terminal.ts';

const MAX_SHOWN_IDS = 20;

/** `metavault audit adopt-rows`: takes rows without a MAC that fits for what they should be. */
export function addAdoptRowsCommand(audit: Command, context: CommandContext): void {
  audit
    .command('adopt-rows')
    .description('give clients, keys, leases and the like whose MAC does not fit one that does: they count again')
    .option('--yes', 'do not ask')
    .action(({ yes }: { yes?: true }) => run(yes === true, context));
}

async function run(isConfirmed: boolean, context: CommandContext): Promise<void> {
  const question = 'Rows that somebody else wrote into the database will count, too. Have you looked at them?';
  await confirm(question, isConfirmed);
  const config = loadCommandConfig(context.environment);
  await withDatabase(config, async (databaseUrl) => {
    const services = await openCoreServices({ config, databaseUrl });
    try {
      const adopted = await adoptRows({ ...services, logger: createLogger('error', process.stderr) }, OPERATOR);
      for (const [table, ids] of adopted) context.print(describe(table, ids));
    } finally {
      await services.close();
    }
  });
}

function describe(table: string, ids: readonly string[]): string {
  const more = ids.length > MAX_SHOWN_IDS ? `, and ${ids.length - MAX_SHOWN_IDS} more` : '';
  return ids.length === 0 ? `${table}: all fit` : `${table}: ${ids.slice(0, MAX_SHOWN_IDS).join(', ')}${more}`;
}
