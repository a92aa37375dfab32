import type { CompletionCommand, CompletionValue } from './command-tree.js';

export interface ValueGroup {
  readonly value: CompletionValue;
  /** `sealane expose --ca`: the words before the one to complete. */
  readonly after: readonly string[];
}

/** Options that take a value, by what the value may be: every shell decides by them before anything else. */
export function groupOptionValues(commands: readonly CompletionCommand[]): ValueGroup[] {
  const pairs = commands.flatMap(({ path, options }) =>
    options.flatMap(({ flags, value }) =>
      value === undefined ? [] : flags.map((flag) => ({ value, word: `${path} ${flag}` })),
    ),
  );
  return groupByValue(pairs);
}

/** Commands that take an argument, by what it may be. */
export function groupArguments(commands: readonly CompletionCommand[]): ValueGroup[] {
  return groupByValue(
    commands.flatMap(({ path, argument }) => (argument === undefined ? [] : [{ value: argument, word: path }])),
  );
}

function groupByValue(pairs: readonly { readonly value: CompletionValue; readonly word: string }[]): ValueGroup[] {
  const groups = new Map<string, { value: CompletionValue; after: string[] }>();
  for (const { value, word } of pairs) {
    const key = JSON.stringify(value);
    const group = groups.get(key) ?? { value, after: [] };
    groups.set(key, group);
    group.after.push(word);
  }
  return [...groups.values()];
}

/** Every command below the program: what may follow which. */
export function subcommandPaths(commands: readonly CompletionCommand[]): string[] {
  return commands.slice(1).map(({ path }) => path);
}
