import { isSealaneError } from '@sealane/types';

/** A rule that an input broke. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

export function assertRule(condition: boolean, rule: string): asserts condition {
  if (!condition) throw new Violation(rule);
}

/** The value of `decode`, or undefined for a refusal: a SealaneError whose code starts with one of `codes`. */
export function accepted<T>(codes: readonly string[], decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (isSealaneError(error) && codes.some((code) => error.code.startsWith(code))) return undefined;
    if (!isSealaneError(error)) throw error;
    throw new Violation(`it is refused as ${error.code}, which is none of ${codes.join(', ')}`, { cause: error });
  }
}

/** As {@link accepted}, with the code: what two ways to read the same bytes must agree about. */
export function outcome<T>(decode: () => T): { readonly value?: T; readonly code?: string } {
  try {
    return { value: decode() };
  } catch (error) {
    if (isSealaneError(error)) return { code: error.code };
    throw error;
  }
}

export function assertSameBytes(actual: Uint8Array, expected: Uint8Array, rule: string): void {
  if (Buffer.compare(actual, expected) === 0) return;
  throw new Violation(`${rule}: ${hex(actual)} is not ${hex(expected)}`);
}

function hex(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.subarray(0, 64)).toString('hex');
  return bytes.length > 64 ? `${text}... (${bytes.length})` : text;
}
