#!/usr/bin/env node
import { runProgram } from './cli/program.ts';
import { openOutput } from './cli/terminal/terminal.ts';
import { getProcessEnvironment } from './config/process-environment.ts';

/** The operators' command line. It works on the same database and configuration as the replicas do. */
process.exitCode = await runProgram(process.argv.slice(2), {
  environment: getProcessEnvironment(),
  printError: (text) => void process.stderr.write(`${text}\n`),
  ...openOutput(),
});
