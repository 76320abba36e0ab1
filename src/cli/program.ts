import { Command, CommanderError } from 'commander';
import { describeStartupError } from '../bootstrap/startup-error.ts';
import { addAppsCommand } from './apps-command.ts';
import { addAuditCommand } from './audit/audit-command.ts';
import { addClientsCommand } from './clients/clients-command.ts';
import type { CommandContext } from './command-context.ts';
import { EXIT_CODE_MEANINGS, EXIT_CODES, exitCodeOf, UsageError } from './command-error.ts';
import { addExamples, examplesOf } from './command-examples.ts';
import { addCompletionCommand } from './completion/completion-command.ts';
import { addConnectionsCommand } from './connections/connections-command.ts';
import { addRefreshCommand } from './connections/refresh-command.ts';
import { addRevokeCommand } from './connections/revoke-command.ts';
import { addRotateCommand } from './connections/rotate-command.ts';
import { addConsoleCommand } from './console-command.ts';
import { addDoctorCommand } from './doctor-command.ts';
import { toErrorReport } from './error-report.ts';
import { addEventsCommand } from './events-command.ts';
import { addImportCommand } from './import/import-command.ts';
import { addKeysCommand } from './keys-command.ts';
import { addLeasesCommand } from './leases-command.ts';
import { addMigrateCommand } from './migrate-command.ts';
import { addSandboxCommand } from './sandbox-command.ts';
import { addTenantHashCommand } from './tenant-hash-command.ts';
import type { ProgressTerminal } from './terminal/progress.ts';

/** The process that `metavault` runs in. */
export interface ProgramEnvironment extends Pick<CommandContext, 'environment' | 'print' | 'waitUntilDrained'> {
  /** Writes one line or several to standard error. */
  printError(text: string): void;
  /** Absent: standard error is not a terminal. */
  progressTerminal?: ProgressTerminal | null;
}

/** Runs one command line; `args` is what follows the program's name. Returns the exit code. Never throws. */
export async function runProgram(args: readonly string[], process: ProgramEnvironment): Promise<number> {
  const { progressTerminal = null, printError } = process;
  const isJson = asksForJson(args);
  const context: CommandContext = {
    ...process,
    isJson,
    progressTerminal: isJson ? null : progressTerminal,
    notify: (notice) => printError(isJson ? JSON.stringify({ notice }) : `${notice.detail} ${notice.remedy}`),
  };
  const program = buildProgram(context, isJson ? () => undefined : printError);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return EXIT_CODES.done;
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return EXIT_CODES.done;
    const error = thrown instanceof CommanderError ? toUsageError(thrown) : thrown;
    if (isJson) printError(JSON.stringify({ error: toErrorReport(error) }));
    // Commander has printed its own errors.
    else if (error === thrown) printError(describeStartupError(error));
    return exitCodeOf(error);
  }
}

/** All commands. `printUsageError` gets what is wrong with a command line. */
export function buildProgram(context: CommandContext, printUsageError: (text: string) => void): Command {
  const program = new Command('metavault')
    .description('Operate the vault: keys, clients, connections, events, and the audit record')
    .configureOutput({
      writeOut: (text) => context.print(text.trimEnd()),
      writeErr: (text) => printUsageError(text.trimEnd()),
    })
    .showHelpAfterError('(run it with --help for usage)')
    .addHelpText('afterAll', `\n${EXIT_CODE_HELP}`)
    .exitOverride();
  for (const add of COMMANDS) add(program, context);
  for (const command of program.commands) finishCommand(command);
  addExamples(
    program,
    ['metavault doctor', 'check the settings before the first start'],
    ['metavault clients create --name ops --role admin', 'create the first administrator'],
    ['metavault connections list --status reauth_required', 'list connections whose user must log in again'],
  );
  program.addHelpText('after', `\n${SETTINGS_HELP}`);
  return program;
}

const COMMANDS: readonly ((program: Command, context: CommandContext) => void)[] = [
  addSandboxCommand,
  addDoctorCommand,
  addMigrateCommand,
  addAppsCommand,
  addClientsCommand,
  addEventsCommand,
  addKeysCommand,
  addConnectionsCommand,
  addLeasesCommand,
  addConsoleCommand,
  (program, context) => addRevokeCommand(program, 'revoke', context),
  addRefreshCommand,
  addRotateCommand,
  addAuditCommand,
  addTenantHashCommand,
  addImportCommand,
  addCompletionCommand,
];

const SETTINGS_HELP =
  'Settings come from the environment, as for a replica (DATABASE_URL, ROOT_KEY or KMS settings, META_APP_ID, …).';

const EXIT_CODE_HELP = [
  'Exit codes:',
  ...EXIT_CODE_MEANINGS.map(([code, meaning]) => `  ${String(code).padEnd(4)} ${meaning}`),
].join('\n');

/** Read before the command line is parsed, because errors in parsing it are also reported as JSON. */
function asksForJson(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return (end === -1 ? args : args.slice(0, end)).includes('--json');
}

/** Adds what all commands have: `--json`, and for a group the first example of each of its commands. */
function finishCommand(command: Command): void {
  if (command.commands.length === 0) {
    command.option('--json', 'print one JSON document, and errors as JSON');
    return;
  }
  for (const each of command.commands) finishCommand(each);
  addExamples(command, ...command.commands.flatMap((each) => examplesOf(each).slice(0, 1)));
}

function toUsageError({ message }: CommanderError): UsageError {
  return new UsageError(message.replace(/^error: /, ''));
}
