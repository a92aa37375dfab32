import { encodeErrorLine, exitCodeOf, toSealaneError } from './output/error-line.js';
import { doLastThings, exitAfterFlush } from './output/exit.js';

/**
 * Runs one command and sets the exit code: 0 success, 1 failure, 2 wrong usage. An error is one line on standard
 * error; the stack only with --debug. Output that nobody reads any more ends it with 1 and without a word.
 */
export async function runProgram(argv: readonly string[]): Promise<void> {
  const options = new Set(argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv);
  const fail = async (error: unknown): Promise<never> => {
    await doLastThings();
    process.stderr.write(encodeErrorLine(error, options.has('--json') && options.has('--stdio')));
    if (options.has('--debug')) process.stderr.write(`${stackOf(error)}\n`);
    // Something may still be open after a failure; waiting for it would hide the failure.
    return await exitAfterFlush(exitCodeOf(error));
  };
  // A defect shall end as an error line, too.
  process.once('uncaughtException', (error) => void fail(error));
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // Who else listens has a way of its own to end.
    if (process.stdout.listenerCount('error') > 1) return;
    // Whoever read the output has left, as `head` does: there is nobody to tell, and nothing broke.
    void (error.code === 'EPIPE' ? exitAfterFlush(1) : fail(error));
  });
  try {
    const { createProgram } = await import('./program.js');
    const { parseProgram } = await import('./parse-program.js');
    process.exitCode = await parseProgram(createProgram(), argv);
  } catch (error) {
    await fail(error);
  }
}

function stackOf(error: unknown): string {
  const stacks: string[] = [];
  for (
    let current: unknown = toSealaneError(error);
    current instanceof Error && stacks.length < 8;
    current = current.cause
  ) {
    stacks.push(current.stack ?? String(current));
  }
  return stacks.join('\ncaused by: ');
}
