import { Argument, type Command } from 'commander';
import { type CommandContext, printResult } from '../command-context.ts';
import { addExamples } from '../command-examples.ts';
import { renderBashCompletion } from './bash-completion.ts';
import { type CommandNode, listCommandNodes } from './command-tree.ts';
import { renderFishCompletion } from './fish-completion.ts';
import { renderZshCompletion } from './zsh-completion.ts';

const RENDERERS = {
  bash: renderBashCompletion,
  zsh: renderZshCompletion,
  fish: renderFishCompletion,
} as const satisfies Record<string, (nodes: readonly CommandNode[]) => string>;
type Shell = keyof typeof RENDERERS;

/** `metavault completion <shell>`: prints a script that completes commands, options and their values. */
export function addCompletionCommand(program: Command, context: CommandContext): void {
  const completion = program
    .command('completion')
    .description('print a script that completes metavault in a shell')
    .addArgument(new Argument('<shell>').choices(Object.keys(RENDERERS)))
    .action((shell: Shell) => {
      const script = RENDERERS[shell](listCommandNodes(program));
      printResult(context, { shell, script }, () => script.trimEnd());
    });
  addExamples(
    completion,
    ['metavault completion bash > ~/.local/share/bash-completion/completions/metavault', 'install it for bash'],
    ['metavault completion zsh > ~/.zfunc/_metavault', 'install it for zsh, with ~/.zfunc in fpath'],
    ['metavault completion fish > ~/.config/fish/completions/metavault.fish', 'install it for fish'],
  );
}
