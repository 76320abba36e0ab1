import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { runProgram } from '../../src/cli/program.ts';
import { serviceProgram } from './service-program.ts';
import { TEST_ENVIRONMENT } from './test-replica.ts';

export interface CommandResult {
  /** Null: ended by a signal. */
  code: number | null;
  out: string;
  err: string;
}

/** Runs `metavault` in this process, with `TEST_ENVIRONMENT` as changed by `environment`. */
export function runMetavault(environment: Record<string, string>, ...args: string[]): Promise<CommandResult> {
  return runOnTerminal(null, environment, args);
}

/** The same with a terminal; `terminal` collects what it showed. */
export async function runOnTerminal(
  terminal: string[] | null,
  environment: Record<string, string>,
  args: readonly string[],
): Promise<CommandResult> {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await runProgram(args, {
    environment: { ...TEST_ENVIRONMENT, ...environment },
    print: (text) => void out.push(text),
    printError: (text) => void err.push(text),
    progressTerminal: terminal === null ? null : { write: (text) => terminal.push(text) },
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

/** Runs `metavault` with `--json`, for a command that must succeed. Returns what it printed. */
export async function runMetavaultJson<T>(environment: Record<string, string>, ...args: string[]): Promise<T> {
  const { code, out, err } = await runMetavault(environment, ...args, '--json');
  if (code !== 0) throw new Error(`metavault ${args.join(' ')} ended with ${code}: ${err}`);
  return JSON.parse(out) as T;
}

export interface RunningCommand {
  child: ChildProcess;
  /** When its pipes are closed as well. */
  ended: Promise<CommandResult>;
}

/** Runs `metavault` in a process of its own, which can be killed. */
export function startMetavault(
  environment: Record<string, string>,
  args: readonly string[],
  input = '',
): RunningCommand {
  const child = spawn(process.execPath, [...serviceProgram('cli'), ...args], {
    env: { PATH: process.env['PATH'], ...TEST_ENVIRONMENT, ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const output = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    output.out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    output.err += chunk.toString();
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...output }));
  return { child, ended };
}
