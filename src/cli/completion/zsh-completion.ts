import { type CommandNode, quote } from './command-tree.ts';

/** A zsh script that completes `metavault`: to be sourced, or saved as `_metavault` in a folder of `fpath`. */
export function renderZshCompletion(nodes: readonly CommandNode[]): string {
  return `#compdef metavault
# zsh completion for metavault. Load it by: source <(metavault completion zsh)
_metavault() {
  local route='' i
  local -a subcommands flags
  for ((i = 2; i < CURRENT; i++)); do
    case "$route \${words[i]}" in
${nodes
  .filter(({ path }) => path !== '')
  .map(({ path }) => `      ${quote(` ${path}`)}) route=${quote(` ${path}`)} ;;`)
  .join('\n')}
    esac
  done
  case "$route \${words[CURRENT-1]}" in
${nodes.flatMap(optionCases).join('\n')}
  esac
  case "$route" in
${nodes.map(nodeCase).join('\n')}
  esac
}
if [[ \${funcstack[1]} == _metavault ]]; then _metavault "$@"; else compdef _metavault metavault; fi
`;
}

/** What follows an option that takes a value. */
function optionCases({ path, options }: CommandNode): string[] {
  const prefix = path === '' ? ' ' : ` ${path} `;
  return options.flatMap(({ long, short, value }) => {
    if (value === null) return [];
    const pattern = [long, short].flatMap((flag) => (flag === null ? [] : [quote(prefix + flag)])).join('|');
    const offer = value.isFile
      ? '_files; '
      : value.choices.length === 0
        ? ''
        : `compadd -- ${words(value.choices).join(' ')}; `;
    return [`    ${pattern}) ${offer}return ;;`];
  });
}

function nodeCase({ path, commands, options, argument }: CommandNode): string {
  const subcommands = [
    ...commands.map(({ name, description }) => quote(`${name}:${description}`)),
    ...words(argument?.choices ?? []),
  ];
  const flags = options.map(({ long, short, description }) => quote(`${long ?? short ?? ''}:${description}`));
  const files = argument?.isFile === true ? ['      [[ $PREFIX == -* ]] || _files'] : [];
  return [
    `    ${quote(path === '' ? '' : ` ${path}`)})`,
    `      subcommands=(${subcommands.join(' ')})`,
    `      flags=(${flags.join(' ')})`,
    ...files,
    '      if [[ $PREFIX == -* ]]; then _describe -o option flags; else _describe command subcommands; fi ;;',
  ].join('\n');
}

function words(choices: readonly string[]): string[] {
  return choices.map(quote);
}
