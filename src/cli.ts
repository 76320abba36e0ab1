#!/usr/bin/env node
import { runProgram } from './cli/program.ts';
import { openOutput } from './cli/terminal/terminal.ts';
import { getProcessEnvironment } from './config/process-environment.ts';

const { argv, stderr } = process;

process.exitCode = await runProgram(argv.slice(2), {
  environment: getProcessEnvironment(),
  printError: (text) => void stderr.write(`${text}\n`),
  progressTerminal: stderr.isTTY ? stderr : null,
  ...openOutput(),
});
