#!/usr/bin/env node
import { Command } from 'commander';
import { addAuditCommand } from './cli/audit-command.ts';
import { addClientsCommand } from './cli/clients-command.ts';
import { addConnectionsCommand } from './cli/connections-command.ts';
import { addDoctorCommand } from './cli/doctor-command.ts';
import { addEventsCommand } from './cli/events-command.ts';
import { addImportCommand } from './cli/import-command.ts';
import { addKeysCommand } from './cli/keys-command.ts';
import { addSandboxCommand } from './cli/sandbox-command.ts';
import { processEnvironment } from './config/process-environment.ts';
import { explain } from './start-failure.ts';

/** The operators' command line. It works on the same database and configuration as the replicas do. */
const program = new Command('metavault').description("The vault's command line for operators").showHelpAfterError();
const context = { environment: processEnvironment(), print: (text: string) => void process.stdout.write(`${text}\n`) };

addSandboxCommand(program, context);
addDoctorCommand(program, context);
addClientsCommand(program, context);
addEventsCommand(program, context);
addKeysCommand(program, context);
addConnectionsCommand(program, context);
addAuditCommand(program, context);
addImportCommand(program, context);

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`${explain(error)}\n`);
  process.exitCode = 1;
}
