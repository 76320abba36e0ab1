import { type CommandNode, quote } from './command-tree.ts';

/** A bash script that completes `metavault`. Works with bash 3.2; completing file names requires bash 4. */
export function renderBashCompletion(nodes: readonly CommandNode[]): string {
  return `# bash completion for metavault. Load it by: source <(metavault completion bash)
_metavault() {
  local word=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} route='' words='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$route \${COMP_WORDS[i]}" in
${nodes
  .filter(({ path }) => path !== '')
  .map(({ path }) => `      ${quote(` ${path}`)}) route=${quote(` ${path}`)} ;;`)
  .join('\n')}
    esac
  done
  COMPREPLY=()
  case "$route $previous" in
${nodes.flatMap(optionCases).join('\n')}
  esac
  case "$route" in
${nodes.map(wordsCase).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -F _metavault metavault
`;
}

/** What follows an option that takes a value. */
function optionCases({ path, options }: CommandNode): string[] {
  const prefix = path === '' ? ' ' : ` ${path} `;
  return options.flatMap(({ long, short, value }) => {
    if (value === null) return [];
    const pattern = [long, short].flatMap((flag) => (flag === null ? [] : [quote(prefix + flag)])).join('|');
    if (value.isFile) return [`    ${pattern}) ${FILES} ;;`];
    const reply = `COMPREPLY=($(compgen -W ${quote(value.choices.join(' '))} -- "$word"))`;
    return [`    ${pattern}) ${value.choices.length === 0 ? 'return' : `${reply}; return`} ;;`];
  });
}

function wordsCase({ path, commands, options, argument }: CommandNode): string {
  const flags = options.flatMap(({ long, short }) => [long ?? short ?? '']);
  const words = [...commands.map(({ name }) => name), ...(argument?.choices ?? [])];
  const files = argument?.isFile === true ? ` if [[ $word != -* ]]; then ${FILES}; fi;` : '';
  const pattern = quote(path === '' ? '' : ` ${path}`);
  // Options only after a dash, unless there is nothing else to offer.
  const offered = words.length === 0 && argument === null ? quote(flags.join(' ')) : quote(words.join(' '));
  return `    ${pattern})${files} if [[ $word == -* ]]; then words=${quote(flags.join(' '))}; else words=${offered}; fi ;;`;
}

const FILES = `local IFS=$'\\n'; compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$word")); return`;
