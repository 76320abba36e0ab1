import type { Command } from 'commander';
import { listCommands } from './cli-reference.ts';

/**
 * The words of a line that a shell would split at blanks: quotes are removed, and nothing is expanded. Stops at `|`,
 * `<` and `>`.
 */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  for (const [word] of line.matchAll(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g)) {
    if (/^[|<>]/.test(word)) break;
    words.push(word.replaceAll(/'([^']*)'|"([^"]*)"/g, (_, single, double) => single ?? double));
  }
  return words;
}

/**
 * Parses the `metavault` command in a line of a shell, or in its `<(…)`, without running it. Returns the command's
 * words; rejects with commander's objection.
 */
export async function findParsedCommand(program: Command, line: string): Promise<string> {
  const parsed: string[] = [];
  for (const { path, command } of listCommands(program)) command.action(() => void parsed.push(path));
  const [, given = ''] = /(?:^|\s|<\()metavault\s([^)#]*)/.exec(line) ?? [];
  await program.parseAsync(splitWords(given), { from: 'user' });
  return parsed.join();
}
