import { createInterface } from 'node:readline/promises';
import { StartFailure } from '../start-failure.ts';

const WIDTH = 30;

/** How far a long work is, on standard error, so that standard output stays the result's. A bar for people, silence for machines. */
export function progressBar(what: string): { show(done: number, total: number): void; end(): void } {
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

/** Asks before what can't be undone. Where nobody can answer, `--yes` must have been given: throws `StartFailure`. */
export async function confirm(question: string, isGiven: boolean): Promise<void> {
  if (isGiven) return;
  if (!process.stdin.isTTY) throw new StartFailure(`${question} Give --yes where nobody can be asked.`, undefined);
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await prompt.question(`${question} Type yes to go on: `);
    if (answer.trim() !== 'yes') throw new StartFailure('Nothing was done.', undefined);
  } finally {
    prompt.close();
  }
}
