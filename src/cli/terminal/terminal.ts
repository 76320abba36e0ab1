import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { StartupError } from '../../bootstrap/startup-error.ts';
import { InterruptedError } from '../command-error.ts';

const WIDTH = 30;

/** Standard output whose reader may go away (`| head`): the work continues and further output is dropped. */
export function openOutput(): { print(text: string): void; waitUntilDrained(): Promise<boolean> } {
  const { stdout } = process;
  let hasReader = true;
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    hasReader = false;
  });
  return {
    print: (text) => {
      if (hasReader) stdout.write(`${text}\n`);
    },
    waitUntilDrained: async () => {
      // An error takes the place of the drain where the reader has gone.
      if (hasReader && stdout.writableNeedDrain) await once(stdout, 'drain').catch(() => undefined);
      return hasReader;
    },
  };
}

/** Progress of long work, on standard error, so that standard output holds only the result. A bar on a terminal, otherwise silent. */
export function createProgressBar(what: string): { show(done: number, total: number): void; end(): void } {
  const { stderr } = process;
  return {
    show: (done, total) => {
      if (!stderr.isTTY) return;
      const share = total === 0 ? 1 : Math.min(1, done / total);
      const bar = '█'.repeat(Math.round(share * WIDTH)).padEnd(WIDTH, '░');
      stderr.write(`\r${what} ${bar} ${done} of ${total}`);
    },
    end: () => {
      if (stderr.isTTY) stderr.write('\n');
    },
  };
}

/** Asks before what can't be undone. Without a terminal, `--yes` is required: throws `StartupError`. */
export async function confirm(question: string, isGiven: boolean): Promise<void> {
  if (isGiven) return;
  if (!process.stdin.isTTY) throw new StartupError(`${question} Give --yes where nobody can be asked.`, undefined);
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  const gone = new Promise<never>((_, reject) => {
    prompt.once('SIGINT', () => reject(new InterruptedError('\nNothing was done.')));
    prompt.once('close', () => reject(new StartupError('\nNothing was done.', undefined)));
  });
  try {
    const response = await Promise.race([prompt.question(`${question} Type yes to go on: `), gone]);
    if (response.trim() !== 'yes') throw new StartupError('Nothing was done.', undefined);
  } finally {
    prompt.close();
  }
}
