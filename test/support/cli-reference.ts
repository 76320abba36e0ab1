import type { Command, Option } from 'commander';
import { STARTUP_ERROR_CODES } from '../../src/bootstrap/startup-error.ts';
import { EXIT_CODE_MEANINGS } from '../../src/cli/command-error.ts';
import { examplesOf } from '../../src/cli/command-examples.ts';
import { buildProgram } from '../../src/cli/program.ts';

/** What docs/cli.md holds between its markers. */
const MARKERS = {
  start: '<!-- generated: npm run docs:cli -->',
  end: '<!-- end of what is generated -->',
} as const;

/** The program, only for inspection: it prints nothing, and its environment is empty. */
export function readProgram(): Command {
  const context = {
    environment: {},
    isJson: false,
    progressTerminal: null,
    print: () => undefined,
    notify: () => undefined,
  };
  return buildProgram(context, () => undefined);
}

/** Commands that do something, with their words after `metavault`. */
export function listCommands(command: Command, words: readonly string[] = []): { path: string; command: Command }[] {
  if (command.commands.length === 0) return [{ path: words.join(' '), command }];
  return command.commands.flatMap((each) => listCommands(each, [...words, each.name()]));
}

/** The page with its generated part as the program has it now. */
export function renderCliPage(page: string): string {
  const [before = ''] = page.split(MARKERS.start);
  const [, after = ''] = page.split(MARKERS.end);
  return `${before}${MARKERS.start}\n\n${renderReference()}\n\n${MARKERS.end}${after}`;
}

function renderReference(): string {
  return [
    '## Exit codes',
    EXIT_CODE_MEANINGS.map(([code, meaning]) => `- \`${code}\`: ${meaning}`).join('\n'),
    '## Error codes',
    'With `--json`, `error.code` is one of these, or a [problem code](api.md#conventions) of the API.',
    Object.entries(STARTUP_ERROR_CODES)
      .map(([code, meaning]) => `- \`${code}\`: ${meaning}`)
      .join('\n'),
    '## Commands',
    ...listCommands(readProgram()).map(({ path, command }) => renderCommand(path, command)),
  ].join('\n\n');
}

function renderCommand(path: string, command: Command): string {
  const help = command.createHelp();
  const options = help.visibleOptions(command).filter(({ long }) => long !== '--help' && long !== '--json');
  const examples = examplesOf(command).flatMap(([line, what]) => [`# ${what}`, line]);
  return [
    `### metavault ${path}`,
    `${sentence(command.description())} Usage: \`metavault ${path} ${command.usage()}\``,
    ...(options.length === 0 ? [] : [options.map(describeOption).join('\n')]),
    ['```sh', ...examples, '```'].join('\n'),
  ].join('\n\n');
}

function describeOption({ flags, description, argChoices, defaultValue, mandatory }: Option): string {
  const facts = [
    description,
    ...(argChoices === undefined ? [] : [`one of ${argChoices.join(', ')}`]),
    ...(defaultValue === undefined ? [] : [`default: ${String(defaultValue)}`]),
    ...(mandatory ? ['required'] : []),
  ];
  return `- \`${flags}\`: ${facts.join('; ')}`;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
