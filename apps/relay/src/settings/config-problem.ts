import { SealaneError } from '@sealane/types';
import type { SettingProblemKind } from './setting.js';

/** Where a value comes from. */
export type SettingOrigin =
  | { readonly kind: 'default' }
  | { readonly kind: 'file'; readonly file: string; readonly line: number; readonly column: number }
  | { readonly kind: 'environment'; readonly name: string }
  | { readonly kind: 'flag'; readonly flag: string }
  | { readonly kind: 'run time' };

/** What is wrong with a source of settings. The kinds are stable and go into `details.problems` of ERR_CONFIG. */
export interface ConfigProblem {
  readonly kind:
    | SettingProblemKind
    | 'syntax'
    | 'unknown'
    | 'duplicate'
    | 'alias'
    | 'size'
    | 'unreadable'
    | 'conflict'
    | 'restart';
  readonly origin: SettingOrigin;
  readonly path?: string;
  /** Without place: `limits.maxSocket is not a setting; did you mean limits.maxSockets?` */
  readonly message: string;
  readonly suggestion?: string;
}

/** `relay.yaml:3:5`, `the environment (SEALANE_RELAY_OPEN)`, `--set`, `run time`, `default`. */
export function formatOrigin(origin: SettingOrigin): string {
  if (origin.kind === 'file') return origin.line === 0 ? origin.file : `${origin.file}:${origin.line}:${origin.column}`;
  if (origin.kind === 'environment') return origin.name;
  return origin.kind === 'flag' ? origin.flag : origin.kind;
}

export function formatProblem(problem: ConfigProblem): string {
  return `${formatOrigin(problem.origin)}: ${problem.message}`;
}

/** ERR_CONFIG for the first of the problems; all of them are in `details.problems`. Of flags it is ERR_ARGUMENT, wrong usage. */
export function configError(problems: readonly ConfigProblem[]): SealaneError {
  const [first] = problems;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more, see config check)` : '';
  const text = first === undefined ? 'the configuration cannot be used' : `${formatProblem(first)}${more}`;
  if (first?.origin.kind === 'flag')
    return new SealaneError('ERR_ARGUMENT', text, { details: { problems, usage: true } });
  return new SealaneError('ERR_CONFIG', text, { details: { problems } });
}

export function unknownSetting(path: string, origin: SettingOrigin, suggestion: string | undefined): ConfigProblem {
  const shown = path.length > 60 ? `${path.slice(0, 60)}...` : path;
  const message = `${shown} is not a setting${suggestion === undefined ? '' : `; did you mean ${suggestion}?`}`;
  return { kind: 'unknown', origin, path, message, ...(suggestion === undefined ? {} : { suggestion }) };
}
