import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

/** A line that no command of a page prints. */
const MARK = '<<< end of a step >>>';

/** One block of commands, under its chapter, and the answer the page shows; null if it shows none. */
export interface DocumentStep {
  title: string;
  commands: string;
  shown: string | null;
}

/** What the commands printed, one entry for each step that ended and one for what came after, and their errors. */
export interface DocumentRun {
  printed: string[];
  errors: string;
}

/** Whether this machine has what the commands of the pages use. */
export const HAS_SHELL_TOOLS = ['sh', 'curl', 'sed'].every(
  (tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status === 0,
);

/** The `sh` blocks of a page, each with the `json` block that follows it. */
export function stepsOf(markdown: string): DocumentStep[] {
  const steps: DocumentStep[] = [];
  let title = '';
  for (const [, heading, language, block] of markdown.matchAll(/^## (.+)$|^```(\w+)\n([\s\S]*?)^```$/gm)) {
    const last = steps.at(-1);
    if (heading !== undefined) title = heading;
    else if (language === 'sh') steps.push({ title, commands: block ?? '', shown: null });
    else if (language === 'json' && last !== undefined) last.shown = block ?? '';
  }
  return steps;
}

/** Runs the steps in one shell, which stops at the first command that fails. */
export async function runSteps(
  steps: readonly DocumentStep[],
  options: { cwd: string; env: Record<string, string> },
): Promise<DocumentRun> {
  const script = steps.map(({ commands }) => `${commands}\nprintf '\\n%s\\n' '${MARK}'\n`).join('');
  const shell = spawn('sh', ['-eu', '-c', script], {
    cwd: options.cwd,
    env: { PATH: process.env['PATH'], ...options.env },
  });
  let output = '';
  let errors = '';
  shell.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  shell.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  await once(shell, 'close');
  return { printed: output.split(`\n${MARK}\n`), errors };
}

/** Text that a page shows, cut short at each …, as a pattern for `withoutSpaces`: line breaks do not count. */
export function patternOf(shown: string): RegExp {
  const parts = withoutSpaces(shown).split('…');
  return new RegExp(`^${parts.map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('.*?')}$`, 'u');
}

export function withoutSpaces(text: string): string {
  return text.replaceAll(/\s+/g, '');
}
