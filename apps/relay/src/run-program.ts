import { CommanderError } from 'commander';
import { exitCodeOf, formatErrorLine } from './error-line.js';
import { createProgram } from './program.js';

/** Runs the command line and ends the process: 0 success, 1 failure, 2 wrong usage. */
export async function runProgram(args: readonly string[]): Promise<void> {
  // Whoever read our output may be gone; that does not stop a relay.
  process.stdout.on('error', () => undefined);
  process.stderr.on('error', () => undefined);
  try {
    await createProgram().parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return;
    process.stderr.write(formatErrorLine(error));
    if (args.includes('--debug') && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    process.exitCode = exitCodeOf(error);
  }
}
