import type { Command } from 'commander';
import { openCoreServices } from '../../bootstrap/core-services.ts';
import { adoptRows } from '../../bootstrap/row-mac-step.ts';
import { createLogger } from '../../platform/logger.ts';
import { type CommandContext, loadCommandConfig, printResult, withDatabase } from '../command-context.ts';
import { addExamples } from '../command-examples.ts';
import { OPERATOR } from '../operator.ts';
import { confirm } from '../terminal/terminal.ts';

const MAX_SHOWN_IDS = 20;

/** `metavault audit adopt-rows`: accepts rows whose MAC does not verify, once an operator has checked them. */
export function addAdoptRowsCommand(audit: Command, context: CommandContext): void {
  const command = audit
    .command('adopt-rows')
    .description('accept clients, keys, leases, and other rows as they are now, although their MACs do not match')
    .option('--yes', 'do not ask')
    .action(({ yes }: { yes?: true }) => run(yes === true, context));
  addExamples(command, ['metavault audit adopt-rows', 'accept rows that were changed by hand, after checking them']);
}

async function run(isConfirmed: boolean, context: CommandContext): Promise<void> {
  const question = 'This also accepts rows that someone else wrote to the database. Have you checked them?';
  await confirm(context, question, isConfirmed);
  const config = loadCommandConfig(context.environment);
  await withDatabase(context, config, async (databaseUrl) => {
    const services = await openCoreServices({ config, databaseUrl });
    try {
      const adopted = await adoptRows({ ...services, logger: createLogger('error', process.stderr) }, OPERATOR);
      printResult(context, { adopted: Object.fromEntries(adopted) }, () =>
        [...adopted].map(([table, ids]) => describe(table, ids)).join('\n'),
      );
    } finally {
      await services.close();
    }
  });
}

function describe(table: string, ids: readonly string[]): string {
  const more = ids.length > MAX_SHOWN_IDS ? `, and ${ids.length - MAX_SHOWN_IDS} more` : '';
  return ids.length === 0 ? `${table}: all MACs match` : `${table}: ${ids.slice(0, MAX_SHOWN_IDS).join(', ')}${more}`;
}
