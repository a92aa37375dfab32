import type { CompletionCommand, CompletionOption, CompletionValue } from './command-tree.js';
import { subcommandPaths } from './value-groups.js';

export function renderFish(program: string, commands: readonly CompletionCommand[]): string {
  const lines = commands.flatMap(({ path, options, children, argument }) => {
    const complete = `complete -c ${program} -n ${quote(`__${program}_at ${quote(path)}`)}`;
    return [
      ...children.map(({ name, description }) => `${complete} -a ${quote(name)} -d ${quote(description)}`),
      ...options.map((option) => `${complete} ${describeOption(program, option)}`),
      ...(argument === undefined || argument.kind === 'text'
        ? []
        : [`${complete} ${describeValue(program, argument)}`]),
    ];
  });
  return `# Completion of ${program} for fish:
#   ${program} completion fish > ~/.config/fish/completions/${program}.fish

function __${program}_at
  set -l at ${program}
  set -l words (commandline -opc)
  for word in $words[2..-1]
    switch "$at $word"
      case ${subcommandPaths(commands).map(quote).join(' ')}
        set at "$at $word"
    end
  end
  test "$at" = "$argv[1]"
end

function __${program}_names
  set -l words (commandline -opc)
  $words[1] completion names 2>/dev/null
end

complete -c ${program} -f
${lines.join('\n')}
`;
}

function describeOption(program: string, { flags, description, value }: CompletionOption): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`)).join(' ');
  const taken = value === undefined ? [] : [value.kind === 'file' ? '-r' : '-x', describeValue(program, value)];
  return [names, ...taken.filter((part) => part !== ''), `-d ${quote(description)}`].join(' ');
}

function describeValue(program: string, value: CompletionValue): string {
  switch (value.kind) {
    case 'file':
      return '-F';
    case 'directory':
      return `-a '(__fish_complete_directories)'`;
    case 'name':
      return `-a '(__${program}_names)'`;
    case 'words':
      return `-a ${quote(value.words.join(' '))}`;
    case 'text':
      return '';
  }
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
