import { type Command, InvalidArgumentError } from 'commander';
import { toListenStartupError } from '../bootstrap/startup-error.ts';
import { SystemClock } from '../platform/clock.ts';
import { SystemRandom } from '../platform/random.ts';
import { startSandbox } from '../sandbox/sandbox.ts';
import type { CommandContext } from './command-context.ts';

interface SandboxOptions {
  port: number;
  host: string;
  publicUrl?: string;
  stateFile?: string;
}

/** `metavault sandbox`: runs the sandbox Meta alone, until it is stopped. */
export function addSandboxCommand(program: Command, context: CommandContext): void {
  program
    .command('sandbox')
    .description('run the stand-in for Meta by itself, and print the environment that points a replica at it')
    .option('--port <number>', 'port to listen on; 0 is any free one', toPort, 3001)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--public-url <url>', 'address that browsers and replicas reach it at')
    .option('--state-file <path>', 'keep its state here, so that tokens outlive a restart')
    .action((options: SandboxOptions) => run(options, context));
}

async function run({ port, host, publicUrl, stateFile }: SandboxOptions, { print }: CommandContext): Promise<void> {
  // Registered before anything is printed, because whoever reads the first line may stop us at once.
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
    throw toListenStartupError(error, host, port);
  });
  print(`# The sandbox answers at ${sandbox.url}. For the environment of a replica:`);
  for (const [name, value] of Object.entries(sandbox.environment())) print(`${name}=${value}`);
  await stopped;
  await sandbox.close();
}

function toPort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError('A port is a number from 0 to 65535.');
  return port;
}
