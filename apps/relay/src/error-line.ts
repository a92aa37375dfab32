import { isSealaneError, SealaneError } from '@sealane/types';
import { CommanderError } from 'commander';

/** Wrong usage: exit code 2. */
export function usageError(message: string): SealaneError {
  return new SealaneError('ERR_ARGUMENT', message, { details: { usage: true } });
}

export function exitCodeOf(error: unknown): 1 | 2 {
  if (error instanceof CommanderError) return 2;
  return isSealaneError(error) && error.details['usage'] === true ? 2 : 1;
}

/** `error: <what and what to do> (<ERR_CODE>)` and a line break; always one line. */
export function formatErrorLine(error: unknown): string {
  const { text, code } = describe(error);
  return `error: ${oneLine(text)} (${code})\n`;
}

/** The same without a line break, for events. */
export function describeError(error: unknown): string {
  const { text, code } = describe(error);
  return `${oneLine(text)} (${code})`;
}

function describe(error: unknown): { readonly text: string; readonly code: string } {
  if (isSealaneError(error)) return { text: error.message, code: error.code };
  if (error instanceof CommanderError) {
    return { text: `${error.message.replace(/^error: /, '')}; see --help`, code: 'ERR_ARGUMENT' };
  }
  const message = error instanceof Error ? error.message : String(error);
  return {
    text: `this is a defect of the relay: ${message}; run again with --debug and report it`,
    code: 'ERR_INTERNAL',
  };
}

/** What came from outside must not move the cursor or add lines. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ').trim();
}
