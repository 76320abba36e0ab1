import type { Command } from 'commander';

/** A command line and what it does. */
export type CommandExample = readonly [line: string, what: string];

const EXAMPLES = new WeakMap<Command, readonly CommandExample[]>();

/** Adds examples to a command's `--help` and to docs/cli.md. */
export function addExamples(command: Command, ...examples: readonly CommandExample[]): Command {
  EXAMPLES.set(command, examples);
  const lines = examples.flatMap(([line, what]) => [`  # ${what}`, `  $ ${line}`]);
  return command.addHelpText('after', ['', 'Examples:', ...lines].join('\n'));
}

/** The examples of a command; none for a group of commands. */
export function examplesOf(command: Command): readonly CommandExample[] {
  return EXAMPLES.get(command) ?? [];
}
