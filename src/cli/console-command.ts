import type { Command } from 'commander';
import { SignInLinks } from '../console/links/sign-in-links.service.ts';
import { type CommandContext, loadCommandConfig, printResult, withApplicationContext } from './command-context.ts';
import { addExamples } from './command-examples.ts';
import { OPERATOR } from './operator.ts';

/** `metavault console`: lets an operator into the console. */
export function addConsoleCommand(program: Command, context: CommandContext): void {
  const commands = program.command('console').description('sign in to the console');
  addExamples(
    commands
      .command('sign-in-link')
      .description('print a link that signs an admin in to the console once, within ten minutes')
      .action(() => createLink(context)),
    ['metavault console sign-in-link', 'sign in before there is an identity provider, or while it is down'],
  );
}

async function createLink(context: CommandContext): Promise<void> {
  const { url, expiresAt } = await withApplicationContext(context, loadCommandConfig(context.environment), (app) =>
    app.get(SignInLinks).create({ actor: OPERATOR, requestId: null, client: null }),
  );
  printResult(context, { url, expires_at: expiresAt.toISOString() }, () => url);
}
