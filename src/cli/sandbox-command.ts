import { type Command, InvalidArgumentError } from 'commander';
import { toListenStartupError } from '../bootstrap/startup-error.ts';
import { SystemClock } from '../platform/clock.ts';
import { SystemRandom } from '../platform/random.ts';
import { startSandbox } from '../sandbox/sandbox.ts';
import { type CommandContext, printResult } from './command-context.ts';
import { addExamples } from './command-examples.ts';

interface SandboxOptions {
  port: number;
  host: string;
  publicUrl?: string;
  stateFile?: string;
}

/** `metavault sandbox`: runs only the sandbox Meta, until it is stopped. */
export function addSandboxCommand(program: Command, context: CommandContext): void {
  const sandbox = program
    .command('sandbox')
    .description('run the sandbox, a stand-in for Meta, and print the environment for a replica that uses it')
    .option('--port <number>', 'port to listen on; 0 for any free port', toPort, 3001)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--public-url <url>', 'URL at which browsers and replicas reach it (default: where it listens)')
    .option('--state-file <path>', 'file that keeps its state across restarts')
    .action((options: SandboxOptions) => run(options, context));
  addExamples(
    sandbox,
    ['metavault sandbox --port 3001 --state-file sandbox.json', 'run it on port 3001 and keep its tokens'],
    ['metavault sandbox --json', 'print its URL and the environment as JSON'],
  );
}

async function run({ port, host, publicUrl, stateFile }: SandboxOptions, context: CommandContext): Promise<void> {
  // Registered before anything is printed: a process that waits for the first line may stop us right after it.
  const stopped = new Promise<void>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  const clock = new SystemClock();
  const random = new SystemRandom();
  const sandbox = await startSandbox({
    host,
    port,
    now: () => clock.now().getTime(),
    randomBytes: (size) => random.bytes(size),
    ...(publicUrl === undefined ? {} : { publicUrl }),
    ...(stateFile === undefined ? {} : { stateFile }),
  }).catch((error: unknown) => {
    throw toListenStartupError(error, host, port, { host: '--host', port: '--port' });
  });
  const environment = sandbox.environment();
  printResult(context, { url: sandbox.url, environment }, () =>
    [
      `# The sandbox listens at ${sandbox.url}. Environment of a replica that uses it:`,
      ...Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    ].join('\n'),
  );
  await stopped;
  await sandbox.close();
}

function toPort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError('Must be a number from 0 to 65535.');
  return port;
}
