#!/usr/bin/env node
import { Command } from 'commander';
import { addClientsCommand } from './cli/clients-command.ts';
import { addDoctorCommand } from './cli/doctor-command.ts';
import { addSandboxCommand } from './cli/sandbox-command.ts';
import { processEnvironment } from './config/process-environment.ts';
import { explain } from './start-failure.ts';

/** The operators' command line. It works on the same database and configuration as the replicas do. */
const program = new Command('metavault').description("The vault's command line for operators").showHelpAfterError();
const context = { environment: processEnvironment(), print: (text: string) => void process.stdout.write(`${text}\n`) };

addSandboxCommand(program, context);
addDoctorCommand(program, context);
addClientsCommand(program, context);

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`${explain(error)}\n`);
  process.exitCode = 1;
}
