import type { Command } from 'commander';

/** What a word may be: one of `words`, a file, a directory, a pinned name, or something that nobody can guess. */
export type CompletionValue =
  | { readonly kind: 'file' | 'directory' | 'name' | 'text' }
  | { readonly kind: 'words'; readonly words: readonly string[] };

export interface CompletionOption {
  /** As typed, e.g. `-h` and `--help`. */
  readonly flags: readonly string[];
  readonly description: string;
  /** Undefined for an option without a value. */
  readonly value: CompletionValue | undefined;
}

export interface CompletionCommand {
  /** With the commands above it: `sealane peers accept`. */
  readonly path: string;
  readonly options: readonly CompletionOption[];
  readonly children: readonly { readonly name: string; readonly description: string }[];
  /** What stands beside the options; undefined where nothing may. */
  readonly argument: CompletionValue | undefined;
}

/** The program and all its commands, outermost first. The help is the source: what it hides is not completed. */
export function describeCommands(command: Command, above = ''): CompletionCommand[] {
  const help = command.createHelp();
  const path = `${above}${command.name()}`;
  const children = help.visibleCommands(command);
  const [argument] = command.registeredArguments;
  const described: CompletionCommand = {
    path,
    options: help.visibleOptions(command).map((option) => ({
      flags: [option.short, option.long].filter((flag) => flag !== undefined && flag !== null),
      description: option.description,
      value: option.required || option.optional ? optionValue(placeholder(option.flags), option.argChoices) : undefined,
    })),
    children: children.map((child) => ({ name: child.name(), description: help.subcommandDescription(child) })),
    argument: argument === undefined ? undefined : argumentValue(argument.name(), argument.argChoices),
  };
  return [described, ...children.flatMap((child) => describeCommands(child, `${path} `))];
}

/** `file` of `--ca <file>`. */
function placeholder(flags: string): string {
  return /[<[]([^>\]]+)[>\]]/.exec(flags)?.[1] ?? '';
}

function optionValue(name: string, choices: readonly string[] | undefined): CompletionValue {
  if (choices !== undefined) return { kind: 'words', words: choices };
  if (name === 'file') return { kind: 'file' };
  return { kind: name === 'dir' ? 'directory' : 'text' };
}

function argumentValue(name: string, choices: readonly string[] | undefined): CompletionValue {
  if (name === 'address' || name === 'name' || name === 'name-or-id') return { kind: 'name' };
  return optionValue(name, choices);
}
