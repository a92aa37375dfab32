import { bareErrors, RELAY, relayRefusals, saidErrors, textOf } from './error-texts.js';
import type { RelayCode } from './wire.js';

/**
 * Every refusal that a caller can see. Codes are stable; texts are for people and never matched.
 * ERR_RELAY_*: the relay's word. ERR_E2EE_*: authenticated end to end, or found by our own cryptography.
 */
export const ErrorCode: typeof bareErrors &
  typeof saidErrors & { readonly [Name in keyof typeof RelayCode as `ERR_RELAY_${Name}`]: string } =
  /* @__PURE__ */ Object.assign({}, bareErrors, /* @__PURE__ */ refusalsByCode(), saidErrors);
export type ErrorCode = keyof typeof ErrorCode;

export interface SealaneErrorOptions {
  readonly cause?: unknown;
  /** Whether the same call may succeed later without the caller changing anything. Default false. */
  readonly retryable?: boolean;
  /** Facts for programs: numbers, codes, ids; never secrets or payload. */
  readonly details?: Readonly<Record<string, unknown>>;
}

const brand: symbol = Symbol.for('sealane.error');

/** The one error class of Sealane. Tell errors apart by `code`, from others with {@link isSealaneError} or `instanceof`. */
export class SealaneError extends Error {
  override readonly name = 'SealaneError';
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message?: string, options: SealaneErrorOptions = {}) {
    super(message ?? textOf(code), options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.details = options.details ?? {};
    Object.defineProperty(this, brand, { value: true });
  }

  /** Also the errors of another copy: what is published for browsers has its own, and so has a second version. */
  static override [Symbol.hasInstance](value: unknown): value is SealaneError {
    return isSealaneError(value);
  }
}

function refusalsByCode(): Pick<typeof ErrorCode, `ERR_RELAY_${keyof typeof RelayCode}`> {
  const byCode = Object.entries(relayRefusals).map(([name, text]) => [RELAY + name, text]);
  return Object.fromEntries(byCode);
}

/** True for a {@link SealaneError} of any installed copy of this package, optionally with one of `codes`. */
export function isSealaneError(value: unknown, ...codes: ErrorCode[]): value is SealaneError {
  if (typeof value !== 'object' || value === null || !(brand in value)) return false;
  return codes.length === 0 || codes.includes((value as SealaneError).code);
}
