import { existsSync, writeFileSync } from 'node:fs';
import { isSealaneError, SealaneError } from '@sealane/types';
import { loadConfiguration, type ProgramFlags } from '../load-configuration.js';
import { createCommentedFile } from '../settings/commented-file.js';
import { type ConfigProblem, formatOrigin, formatProblem } from '../settings/config-problem.js';
import { Configuration, type SettingEntry } from '../settings/configuration.js';
import { createJsonSchema } from '../settings/json-schema.js';
import { programSettings } from '../settings/program-settings.js';
import { formatValue } from '../settings/setting.js';

/** What was given as flags stands in the file. @throws ERR_FILE_EXISTS, ERR_SYSTEM, ERR_CONFIG */
export function init(file: string, flags: ProgramFlags): void {
  if (existsSync(file)) throw new SealaneError('ERR_FILE_EXISTS', `${file} exists already; nothing was written`);
  const configuration = loadConfiguration(withoutJson(flags));
  const given = configuration.entries().filter(({ origin }) => origin.kind === 'flag');
  const text = createCommentedFile(new Map(given.map(({ setting, value }) => [setting.path, value])));
  try {
    writeFileSync(file, text, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    throw new SealaneError('ERR_SYSTEM', `${file} cannot be written: ${(error as Error).message}`, { cause: error });
  }
  print(
    flags.json === true
      ? `${JSON.stringify({ file })}\n`
      : `${file} is written; start with: sealane-relay --config ${file}\n`,
  );
}

/** The settings of the run time are read from the data directory, where it has some. @throws ERR_CONFIG, ERR_DATABASE* */
export async function show(flags: ProgramFlags): Promise<void> {
  const configuration = loadConfiguration(withoutJson(flags));
  await attachStored(configuration);
  const entries = configuration.entries();
  print(flags.json === true ? `${JSON.stringify(entries.map(describe), null, 2)}\n` : table(entries));
}

async function attachStored(configuration: Configuration): Promise<void> {
  const dataDir = configuration.get(programSettings.dataDir);
  if (dataDir === undefined) return;
  const { readStoredSettings } = await import('../database/stored-settings.js');
  const stored = await readStoredSettings(dataDir);
  if (stored !== undefined) configuration.attach(stored);
  for (const problem of configuration.ignored) process.stderr.write(`warning: ${formatProblem(problem)}\n`);
}

function describe({ setting, value, origin }: SettingEntry): Readonly<Record<string, unknown>> {
  const isHidden = setting.isSecret === true && value !== undefined;
  return { path: setting.path, value: isHidden ? '(set)' : (value ?? null), origin, applies: setting.applies };
}

function table(entries: readonly SettingEntry[]): string {
  const rows = entries.map(({ setting, value, origin }) => [
    setting.path,
    formatValue(setting, value) || '(not set)',
    formatOrigin(origin),
  ]);
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map(
      ([path = '', value = '', origin]) =>
        `${path.padEnd(widths[0] ?? 0)}  ${value.padEnd(widths[1] ?? 0)}  ${origin}\n`,
    )
    .join('');
}

/** Also values that are right alone and do not fit each other. */
function problemsOf(file: string): readonly ConfigProblem[] {
  try {
    Configuration.load({ file });
    return [];
  } catch (error) {
    if (isSealaneError(error, 'ERR_CONFIG')) return error.details['problems'] as readonly ConfigProblem[];
    throw error;
  }
}

/** @throws ERR_CONFIG when there is anything to complain about, after all of it was printed */
export function check(file: string, flags: ProgramFlags): void {
  const problems = problemsOf(file);
  if (flags.json === true) print(`${JSON.stringify({ file, valid: problems.length === 0, problems }, null, 2)}\n`);
  else if (problems.length === 0) print(`${file} is valid\n`);
  else print(problems.map((problem) => `${formatProblem(problem)}\n`).join(''));
  if (problems.length === 0) return;
  const count = problems.length === 1 ? 'one mistake' : `${problems.length} mistakes`;
  throw new SealaneError('ERR_CONFIG', `${file} has ${count}`, { details: { problems } });
}

export function schema(): void {
  print(`${JSON.stringify(createJsonSchema(), null, 2)}\n`);
}

/** Of these commands `--json` is how they print, not a setting. */
function withoutJson({ json: _, ...flags }: ProgramFlags): ProgramFlags {
  return flags;
}

function print(text: string): void {
  process.stdout.write(text);
}
