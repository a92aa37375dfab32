import { accessSync, constants, readdirSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The part of a test's context that skips. */
export interface SkippableTest {
  skip(note?: string): unknown;
  /** Where the reason is left for the report. */
  readonly task?: { readonly meta: object };
}

/** Where Debian keeps the programs of each PostgreSQL version; only those of clients are on PATH. */
const postgresDirectory = '/usr/lib/postgresql';

/** Absolute path of a program on PATH, in the system directories or in PostgreSQL's, or undefined. */
export function findProgram(name: string): string | undefined {
  const directories = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    ...['/usr/sbin', '/sbin', '/usr/local/sbin'],
    ...postgresDirectories(),
  ];
  return directories.map((directory) => join(directory, name)).find(isExecutable);
}

export function hasProgram(name: string): boolean {
  return findProgram(name) !== undefined;
}

/**
 * The path of a program that a test needs. Without it the test is skipped with the reason,
 * or fails where SEALANE_REQUIRE_PROGRAMS=1 says that a skip is no proof.
 */
export function requireProgram(test: SkippableTest, name: string): string {
  const path = findProgram(name);
  if (path !== undefined) return path;
  if (process.env['SEALANE_REQUIRE_PROGRAMS'] === '1')
    throw new Error(`${name} is not installed, and this run needs it`);
  skipTest(test, `${name} is not installed`);
  throw new Error(`${name} is not installed`);
}

/** True in runs that were asked for long tests (`pnpm test:long`). */
export function isLongRun(): boolean {
  return process.env['SEALANE_LONG'] === '1';
}

/** Skips a test that is only for long runs. */
export function requireLongRun(test: SkippableTest): void {
  if (!isLongRun()) skipTest(test, 'long: run with --long');
}

/** Skips a test and leaves the reason in the report. */
export function skipTest(test: SkippableTest, reason: string): void {
  if (test.task !== undefined) Object.assign(test.task.meta, { skipReason: reason });
  test.skip(reason);
}

/** Newest version first. */
function postgresDirectories(): string[] {
  try {
    const versions = readdirSync(postgresDirectory).sort((a, b) => Number(b) - Number(a));
    return versions.map((version) => join(postgresDirectory, version, 'bin'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}
