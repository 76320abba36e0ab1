import { Command, CommanderError } from 'commander';
import { describeStartupError } from '../bootstrap/startup-error.ts';
import { addAuditCommand } from './audit/audit-command.ts';
import { addClientsCommand } from './clients/clients-command.ts';
import type { CommandContext } from './command-context.ts';
import { EXIT_CODES, exitCodeOf } from './command-error.ts';
import { addConnectionsCommand } from './connections/connections-command.ts';
import { addRefreshCommand } from './connections/refresh-command.ts';
import { addRevokeCommand } from './connections/revoke-command.ts';
import { addRotateCommand } from './connections/rotate-command.ts';
import { addDoctorCommand } from './doctor-command.ts';
import { addEventsCommand } from './events-command.ts';
import { addImportCommand } from './import/import-command.ts';
import { addKeysCommand } from './keys-command.ts';
import { addMigrateCommand } from './migrate-command.ts';
import { addSandboxCommand } from './sandbox-command.ts';

const EXIT_CODE_HELP = `
Exit codes: 0 done; 1 not done, or not wholly; 2 the command line is wrong; 130 stopped by a signal.
Settings come from the environment of a replica (DATABASE_URL, ROOT_KEY or the KMS settings, META_APP_ID, ...).`;

/** Standard error, for what goes wrong. */
export interface ProgramContext extends CommandContext {
  printError(text: string): void;
}

/** Runs one command line, `args` being what follows the program's name; returns the exit code. Never throws. */
export async function runProgram(args: readonly string[], context: ProgramContext): Promise<number> {
  const program = new Command('metavault')
    .description("The vault's command line for operators")
    .configureOutput({
      writeOut: (text) => context.print(text.trimEnd()),
      writeErr: (text) => context.printError(text.trimEnd()),
    })
    .showHelpAfterError('(--help shows more)')
    .addHelpText('after', EXIT_CODE_HELP)
    .exitOverride();
  addSandboxCommand(program, context);
  addDoctorCommand(program, context);
  addMigrateCommand(program, context);
  addClientsCommand(program, context);
  addEventsCommand(program, context);
  addKeysCommand(program, context);
  addConnectionsCommand(program, context);
  addRevokeCommand(program, context);
  addRefreshCommand(program, context);
  addRotateCommand(program, context);
  addAuditCommand(program, context);
  addImportCommand(program, context);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return 0;
  } catch (error) {
    // Commander has already printed the error, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_CODES.usage;
    context.printError(describeStartupError(error));
    return exitCodeOf(error);
  }
}
