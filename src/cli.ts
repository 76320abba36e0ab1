#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { addAuditCommand } from './cli/audit-command.ts';
import { addClientsCommand } from './cli/clients-command.ts';
import { EXIT_CODES, exitCodeOf } from './cli/command-failure.ts';
import { addConnectionsCommand } from './cli/connections-command.ts';
import { addDoctorCommand } from './cli/doctor-command.ts';
import { addEventsCommand } from './cli/events-command.ts';
import { addImportCommand } from './cli/import-command.ts';
import { addKeysCommand } from './cli/keys-command.ts';
import { addRefreshCommand } from './cli/refresh-command.ts';
import { addRevokeCommand } from './cli/revoke-command.ts';
import { addSandboxCommand } from './cli/sandbox-command.ts';
import { openOutput } from './cli/terminal.ts';
import { processEnvironment } from './config/process-environment.ts';
import { explain } from './start-failure.ts';

const EXIT_CODE_HELP = `
Exit codes: 0 done; 1 not done, or not wholly; 2 the command line is wrong; 130 stopped by a signal.
Settings come from the environment of a replica (DATABASE_URL, ROOT_KEY or the KMS settings, META_APP_ID, ...).`;

/** The operators' command line. It works on the same database and configuration as the replicas do. */
const program = new Command('metavault')
  .description("The vault's command line for operators")
  .showHelpAfterError('(--help tells more)')
  .addHelpText('after', EXIT_CODE_HELP)
  .exitOverride();
const output = openOutput();
const context = { environment: processEnvironment(), ...output };

addSandboxCommand(program, context);
addDoctorCommand(program, context);
addClientsCommand(program, context);
addEventsCommand(program, context);
addKeysCommand(program, context);
addConnectionsCommand(program, context);
addRevokeCommand(program, context);
addRefreshCommand(program, context);
addAuditCommand(program, context);
addImportCommand(program, context);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has said what is wrong, or shown the help that was asked for.
    process.exitCode = error.exitCode === 0 ? 0 : EXIT_CODES.usage;
  } else {
    process.stderr.write(`${explain(error)}\n`);
    process.exitCode = exitCodeOf(error);
  }
}
