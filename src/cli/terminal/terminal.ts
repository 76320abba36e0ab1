import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import type { CommandContext } from '../command-context.ts';
import { InterruptedError, NotConfirmedError } from '../command-error.ts';

/** Standard output. If its reader goes away (`| head`), the work continues and further output is dropped. */
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
      // If the reader is gone, an error arrives instead of the drain.
      if (hasReader && stdout.writableNeedDrain) await once(stdout, 'drain').catch(() => undefined);
      return hasReader;
    },
  };
}

/**
 * Asks before an action that can't be undone. Throws `NotConfirmedError` on any answer but yes, and if there is no one
 * to ask.
 */
export async function confirm({ isJson }: CommandContext, question: string, isConfirmed: boolean): Promise<void> {
  if (isConfirmed) return;
  if (isJson || !process.stdin.isTTY) {
    throw new NotConfirmedError({ detail: question, remedy: 'Add --yes to confirm.' });
  }
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  const gone = new Promise<never>((_, reject) => {
    prompt.once('SIGINT', () => reject(new InterruptedError('Nothing was done.', 'Run it again and type yes.')));
    prompt.once('close', () => reject(nothingDone()));
  });
  try {
    const response = await Promise.race([prompt.question(`${question} Type yes to continue: `), gone]);
    if (response.trim() !== 'yes') throw nothingDone();
  } finally {
    prompt.close();
  }
}

function nothingDone(): NotConfirmedError {
  return new NotConfirmedError({ detail: 'Nothing was done.', remedy: 'Run it again and type yes, or add --yes.' });
}
