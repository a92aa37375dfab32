import { isSealaneError, SealaneError, type SealaneErrorOptions } from '@sealane/types';
import { traceRefusal } from '../tunnel/trace-session.js';
import { adviceFor } from './advice.js';
import { encodeJsonLine, sanitize } from './sanitize.js';

/** Wrong usage: exit code 2. */
export function usageError(message: string, options: SealaneErrorOptions = {}): SealaneError {
  return new SealaneError('ERR_ARGUMENT', message, { ...options, details: { ...options.details, usage: true } });
}

/** The same refusal as `error`, but caused by what was typed: exit code 2. */
export function asUsageError(error: unknown, what: string): SealaneError {
  if (!isSealaneError(error)) return usageError(`${what}: ${String(error)}`, { cause: error });
  return new SealaneError(error.code, `${what}: ${error.message}`, {
    cause: error,
    details: { ...error.details, usage: true },
  });
}

export function exitCodeOf(error: unknown): 1 | 2 {
  return isSealaneError(error) && error.details['usage'] === true ? 2 : 1;
}

/** Any thrown value as a SealaneError: system errors keep their text, everything else is a defect of ours. */
export function toSealaneError(error: unknown): SealaneError {
  if (isSealaneError(error)) return error as SealaneError;
  if (error instanceof Error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (typeof code === 'string' && /^E[A-Z]+$/.test(code)) {
      return new SealaneError('ERR_SYSTEM', error.message, { cause: error });
    }
    return new SealaneError(
      'ERR_INTERNAL',
      `this is a defect of sealane: ${error.message}; run again with --debug and report it`,
      {
        cause: error,
      },
    );
  }
  return new SealaneError('ERR_INTERNAL', `this is a defect of sealane: ${String(error)}`);
}

/** `error: <what, what to do, and for a refused request its id> (<ERR_CODE>)`, always one line. */
export function formatErrorLine(error: unknown): string {
  const known = toSealaneError(error);
  const advice = adviceFor(known);
  const { connection } = traceRefusal(known);
  const facts = connection === undefined ? '' : `; connection ${connection}`;
  return `error: ${sanitize(known.message, 2000)}${advice === undefined ? '' : `; ${sanitize(advice, 2000)}`}${facts} (${sanitize(known.code)})`;
}

/** The error line as it is written: with `jsonLines`, where standard error holds JSON objects only, as one of them. */
export function encodeErrorLine(error: unknown, jsonLines: boolean): string {
  const message = formatErrorLine(error);
  if (!jsonLines) return `${message}\n`;
  return encodeJsonLine({ event: 'error', code: toSealaneError(error).code, message, ...traceRefusal(error) });
}
