import type { CommandNode } from './command-tree.ts';

/** A fish script that completes `metavault`. */
export function renderFishCompletion(nodes: readonly CommandNode[]): string {
  const paths = nodes.flatMap(({ path }) => (path === '' ? [] : [quoteFish(path)]));
  return `# fish completion for metavault. Load it by: metavault completion fish | source
function __metavault_at
    set -l words (commandline -opc)
    set -e words[1]
    set -l route ''
    for word in $words
        if contains -- (string trim -- "$route $word") ${paths.join(' ')}
            set route (string trim -- "$route $word")
        end
    end
    test "$route" = "$argv[1]"
end
complete -c metavault -f
${nodes.flatMap(completions).join('\n')}
`;
}

function completions({ path, commands, options, argument }: CommandNode): string[] {
  const start = `complete -c metavault -n ${quoteFish(`__metavault_at ${quoteFish(path)}`)}`;
  return [
    ...commands.map(({ name, description }) => `${start} -a ${name} -d ${quoteFish(description)}`),
    ...(argument?.choices ?? []).map((choice) => `${start} -a ${choice}`),
    ...(argument?.isFile === true ? [`${start} -F`] : []),
    ...options.map(({ long, short, description, value }) => {
      const names = [long === null ? '' : ` -l ${long.slice(2)}`, short === null ? '' : ` -s ${short.slice(1)}`];
      const choices = value === null || value.choices.length === 0 ? '' : ` -a ${quoteFish(value.choices.join(' '))}`;
      const takes = value === null ? '' : value.isFile ? ' -r -F' : ` -x${choices}`;
      return `${start}${names.join('')}${takes} -d ${quoteFish(description)}`;
    }),
  ];
}

/** Text in single quotes of fish. */
function quoteFish(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
