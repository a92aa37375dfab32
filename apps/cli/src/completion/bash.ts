import type { CompletionCommand, CompletionValue } from './command-tree.js';
import { groupArguments, groupOptionValues, subcommandPaths } from './value-groups.js';

/** Works from bash 3.2 on. */
export function renderBash(program: string, commands: readonly CompletionCommand[]): string {
  const values = groupOptionValues(commands).map(
    ({ value, after }) => `    ${pattern(after)}) ${completeValue(program, value)}; return ;;`,
  );
  const options = commands.map(
    ({ path, options: all }) => `      ${quote(path)}) words=${quote(all.flatMap(({ flags }) => flags).join(' '))} ;;`,
  );
  const children = commands
    .filter((command) => command.children.length > 0)
    .map((command) => {
      const names = command.children.map(({ name }) => name).join(' ');
      return `    ${quote(command.path)}) _${program}_add -W ${quote(names)} -- "$cur" ;;`;
    });
  const positions = groupArguments(commands)
    .filter(({ value }) => value.kind !== 'text')
    .map(({ value, after }) => `    ${pattern(after)}) ${completeValue(program, value)} ;;`);
  return `# Completion of ${program} for bash. In ~/.bashrc:
#   source <(${program} completion bash)

_${program}_add() {
  local line
  while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen "$@")
}

_${program}() {
  local command=\${1:-${program}} cur=\${COMP_WORDS[COMP_CWORD]} at=${program} words i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at \${COMP_WORDS[i]}" in
      ${pattern(subcommandPaths(commands))}) at="$at \${COMP_WORDS[i]}" ;;
    esac
  done
  case "$at \${COMP_WORDS[COMP_CWORD - 1]}" in
${values.join('\n')}
  esac
  if [[ $cur == -* ]]; then
    case "$at" in
${options.join('\n')}
    esac
    _${program}_add -W "$words" -- "$cur"
    return
  fi
  case "$at" in
${[...children, ...positions].join('\n')}
  esac
}

complete -F _${program} ${program}
`;
}

function completeValue(program: string, value: CompletionValue): string {
  const add = `_${program}_add`;
  switch (value.kind) {
    case 'file':
      return `compopt -o filenames 2>/dev/null; ${add} -f -- "$cur"`;
    case 'directory':
      return `compopt -o filenames 2>/dev/null; ${add} -d -- "$cur"`;
    case 'name':
      return `${add} -W "$("$command" completion names 2>/dev/null)" -- "$cur"`;
    case 'words':
      return `${add} -W ${quote(value.words.join(' '))} -- "$cur"`;
    case 'text':
      return ':';
  }
}

function pattern(words: readonly string[]): string {
  return words.map(quote).join(' | ');
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
