import type { Argument, Command, Option } from 'commander';

/** One command as a shell completes it. */
export interface CommandNode {
  /** Its words after the program's name, such as `keys rotate`; empty for the program. */
  path: string;
  commands: readonly { name: string; description: string }[];
  options: readonly CompletedOption[];
  argument: CompletedValue | null;
}

interface CompletedOption {
  /** With its dashes; null if it has no such form. */
  long: string | null;
  short: string | null;
  description: string;
  /** Null for a flag. */
  value: CompletedValue | null;
}

/** What a value may be. Without choices, and not a file: nothing that a shell can complete. */
interface CompletedValue {
  choices: readonly string[];
  isFile: boolean;
}

/** The program and all its commands, in the order of `--help`. */
export function listCommandNodes(program: Command): CommandNode[] {
  return collect(program, []);
}

function collect(command: Command, words: readonly string[]): CommandNode[] {
  const help = command.createHelp();
  const subcommands = help.visibleCommands(command);
  const [argument] = command.registeredArguments;
  const node: CommandNode = {
    path: words.join(' '),
    commands: subcommands.map((each) => ({ name: each.name(), description: each.description() })),
    options: help.visibleOptions(command).map(toCompletedOption),
    argument: argument === undefined ? null : toValue(argument.name(), argument),
  };
  return [node, ...command.commands.flatMap((each) => collect(each, [...words, each.name()]))];
}

function toCompletedOption(option: Option): CompletedOption {
  const { long = null, short = null, description, flags } = option;
  const [, placeholder] = /[<[]([^>\]]+)[>\]]/.exec(flags) ?? [];
  return { long, short, description, value: placeholder === undefined ? null : toValue(placeholder, option) };
}

function toValue(placeholder: string, { argChoices = [] }: Pick<Argument, 'argChoices'>): CompletedValue {
  return { choices: argChoices, isFile: /^(file|path)\b/.test(placeholder) };
}

/** Text in single quotes of a POSIX shell. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
