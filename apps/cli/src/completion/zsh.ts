import type { CompletionCommand, CompletionOption, CompletionValue } from './command-tree.js';
import { groupArguments, groupOptionValues, subcommandPaths } from './value-groups.js';

export function renderZsh(program: string, commands: readonly CompletionCommand[]): string {
  const values = groupOptionValues(commands).map(
    ({ value, after }) => `    (${pattern(after)}) ${completeValue(value)}; return ;;`,
  );
  const options = commands.map(
    ({ path, options: all }) => `      (${quote(path)}) found=(${all.flatMap(describeOption).join(' ')}) ;;`,
  );
  const children = commands
    .filter((command) => command.children.length > 0)
    .map((command) => {
      const found = command.children.map(({ name, description }) => quote(`${name}:${description}`)).join(' ');
      return `    (${quote(command.path)}) found=(${found}); _describe command found ;;`;
    });
  const positions = groupArguments(commands)
    .filter(({ value }) => value.kind !== 'text')
    .map(({ value, after }) => `    (${pattern(after)}) ${completeValue(value)} ;;`);
  return `#compdef ${program}
# Completion of ${program} for zsh: save it as _${program} in a directory of $fpath, or in ~/.zshrc after compinit:
#   source <(${program} completion zsh)

_${program}() {
  local at=${program} word
  local -a found
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$at $word" in
      (${pattern(subcommandPaths(commands))}) at="$at $word" ;;
    esac
  done
  case "$at \${words[CURRENT-1]}" in
${values.join('\n')}
  esac
  if [[ "\${words[CURRENT]}" == -* ]]; then
    case "$at" in
${options.join('\n')}
    esac
    _describe -o option found
    return
  fi
  case "$at" in
${[...children, ...positions].join('\n')}
  esac
}

if [ "\${funcstack[1]}" = "_${program}" ]; then _${program} "$@"; else compdef _${program} ${program}; fi
`;
}

function describeOption({ flags, description }: CompletionOption): string[] {
  return flags.map((flag) => quote(`${flag}:${description}`));
}

function completeValue(value: CompletionValue): string {
  switch (value.kind) {
    case 'file':
      return '_files';
    case 'directory':
      return '_files -/';
    case 'name':
      return `found=(\${(f)"$("\${words[1]}" completion names 2>/dev/null)"}); _describe name found`;
    case 'words':
      return `found=(${value.words.map(quote).join(' ')}); _describe value found`;
    case 'text':
      return ':';
  }
}

function pattern(words: readonly string[]): string {
  return words.map(quote).join('|');
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
